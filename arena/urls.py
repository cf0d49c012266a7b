"""What can be reached by HTTP: each app's pages, the API, the admin."""

from django.contrib import admin
from django.urls import include, path, re_path

from arena.api import api
from arena.problem_json import nothing_here
from arena.teams.views import invitation

handler500 = "arena.outages.what_broke"

admin.site.site_header = admin.site.site_title = "Reasoning Arena"
admin.site.index_title = "Administration"

urlpatterns = [
    path("", include("arena.battles.urls")),
    path("", include("arena.voting.urls")),
    path("", include("arena.leaderboard.urls")),
    path("", include("arena.contestants.urls")),
    path("", include("arena.problems.urls")),
    path("", include("arena.running.urls")),
    path("api/v1/", nothing_here),  # Ninja's own root would answer with a page
    path("api/v1/", api.urls),
    re_path("^api/", nothing_here),
    path("accounts/", include("arena.teams.urls")),
    path("invitations/<str:code>/", invitation, name="invitation"),
    path("admin/", admin.site.urls),
]
