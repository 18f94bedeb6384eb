"""The shop's database models."""

from __future__ import annotations

from django.db import models


class Order(models.Model):
    """An order of a customer."""

    customer = models.EmailField()
    total = models.PositiveIntegerField()
    receipt = models.TextField(blank=True)
