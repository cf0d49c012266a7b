from django.contrib import admin

from arena.problems.models import Problem


@admin.register(Problem)
class ProblemAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # no generic at run time
    list_display = ["title", "category", "checker", "source"]
    list_filter = ["category", "checker"]
    search_fields = ["slug", "title", "statement"]
    prepopulated_fields = {"slug": ["title"]}
