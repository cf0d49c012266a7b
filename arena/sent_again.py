"""What was typed into a form that could not be taken, kept on the page that says so, to be sent again."""

from django.http import QueryDict

# A form that has such a field is typed again: a password is not written into a page.
SECRET = "password"


def fields_of(sent: QueryDict) -> list[tuple[str, str]]:
    """Name and value of all that was sent; nothing where a secret is among it."""
    if any(SECRET in name.lower() for name in sent):
        return []
    return [(name, value) for name, values in sent.lists() for value in values]
