// Bundles the front end into static/dist: one ES module for each page, a stylesheet for the arena and one for its admin, the fonts they name, the images.
// Names carry no hash: Django's manifest storage adds it, which is why every address in the output is relative.

import { cp, readdir, readFile, rm } from "node:fs/promises";
import { dirname, join, parse } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, "dist");

/** Every browser we serve reads woff2: the other two formats would be 1 MB of files that nobody fetches. */
const onlyWoff2 = {
  name: "only-woff2",
  setup(building) {
    building.onLoad({ filter: /katex[/\\]dist[/\\]katex\.css$/ }, async ({ path }) => ({
      contents: (await readFile(path, "utf8")).replace(/,\s*url\([^)]*\.(?:woff|ttf)\) format\("[^"]*"\)/g, ""),
      loader: "css",
    }));
  },
};

const pages = (await readdir(join(here, "js/pages"))).filter((name) => name.endsWith(".js"));
await rm(dist, { recursive: true, force: true });
await build({
  absWorkingDir: here,
  entryPoints: [
    { in: "css/main.css", out: "main" },
    { in: "css/admin.css", out: "admin" },
    ...pages.map((page) => ({ in: `js/pages/${page}`, out: `pages/${parse(page).name}` })),
  ],
  outdir: dist,
  bundle: true,
  minify: true,
  format: "esm",
  target: ["chrome123", "firefox121", "safari17.5"],
  loader: { ".woff2": "file", ".svg": "file" },
  assetNames: "fonts/[name]",
  legalComments: "linked",
  logLevel: "warning",
  plugins: [onlyWoff2],
});
await cp(join(here, "img"), join(dist, "img"), { recursive: true }).catch((error) => {
  if (error.code !== "ENOENT") throw error;
});
