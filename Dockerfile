# One image for web, worker and beat. The front end is built in the first stage, which is thrown away.

FROM node:22-bookworm-slim AS front-end
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY static static
RUN npm run build

FROM python:3.13-slim-bookworm
ENV PYTHONUNBUFFERED=1 PIP_DISABLE_PIP_VERSION_CHECK=1 ARENA_VAR=/var/lib/arena HOST=0.0.0.0
WORKDIR /srv/arena
RUN useradd --system --home-dir /var/lib/arena --create-home arena
COPY requirements.txt ./
RUN pip install --no-cache-dir --no-deps --require-hashes -r requirements.txt
COPY manage.py ./
COPY arena arena
COPY templates templates
COPY --from=front-end /build/static/dist static/dist
USER arena
VOLUME /var/lib/arena
EXPOSE 8000
CMD ["python", "manage.py", "arena"]
