"""A model: a module that imports it needs Django to be set up."""

from __future__ import annotations

from django.db import models


class Parcel(models.Model):
    id = models.AutoField(primary_key=True)
    weight = models.IntegerField()

    class Meta:
        app_label = "odd"
