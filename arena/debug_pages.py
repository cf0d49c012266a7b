"""The technical page of DEBUG, and Django's error mails, without any secret among settings and variables."""

from django.utils.safestring import SafeString
from django.views.debug import ExceptionReporter

from arena.masking import masked


class MaskedReporter(ExceptionReporter):
    """Django hides values by their names; a key in a header, or a password in a URL, has a harmless name."""

    def get_traceback_html(self) -> SafeString:
        return SafeString(masked(super().get_traceback_html()))

    def get_traceback_text(self) -> SafeString:
        return SafeString(masked(super().get_traceback_text()))
