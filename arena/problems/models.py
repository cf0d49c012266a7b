"""What is asked: problems with what makes each checkable."""

from django.db import models
from django.urls import reverse


class Problem(models.Model):
    slug = models.SlugField(max_length=80, unique=True)
    title = models.CharField(max_length=120)
    statement = models.TextField()
    category = models.CharField(max_length=40)
    answer = models.TextField(blank=True, help_text="The reference answer, if there is one.")
    checker = models.CharField(max_length=40, blank=True)
    source = models.CharField(max_length=300, blank=True)
    notes = models.TextField(blank=True, help_text="What makes it checkable, and common traps.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["category", "slug"]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("problem", args=[self.slug])
