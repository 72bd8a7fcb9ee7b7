"""Persons of the prepaid engine: who they are of, by which values they are known. Source: prepaid engine, section 5."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from accounts.models.sites import Site
from accounts.models.users import User

LONGEST_VALUE = 255


class Characteristic(models.Model):
    """What a person may have a property of, by the number under which shops know it, such as 7 for the e-mail address."""

    class Kind(models.TextChoices):
        TEXT = "text", "Text: compared exactly"
        EMAIL = "email", "E-mail: compared in lower case"
        SECRET = "secret", "Secret: only a salted hash of it is kept"

    site = models.ForeignKey(Site, models.PROTECT, related_name="characteristics")
    number = models.IntegerField(
        validators=[MinValueValidator(1)], help_text="As PersonIdentificationIDs name it: 32 bits."
    )
    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=10, choices=Kind.choices)

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["site", "number"], name="characteristic_number_per_site"),
            models.CheckConstraint(condition=Q(number__gte=1), name="characteristic_number_positive"),
            models.CheckConstraint(condition=Q(kind__in=["text", "email", "secret"]), name="characteristic_kind_known"),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.name}"


class PersonType(models.Model):
    """A type of persons, and the identification settings of that type.

    ``identified_by`` are the numbers of characteristics whose values identify one of them, in the order in which shops send
    them (PersonIdentificationIDs); an empty or unusable list lets nobody of the type be identified.
    """

    site = models.ForeignKey(Site, models.PROTECT, related_name="person_types")
    number = models.PositiveSmallIntegerField(
        validators=[MaxValueValidator(255)], help_text="As sent in PersonTypeID: 0 to 255."
    )
    name = models.CharField(max_length=100)
    identified_by = models.JSONField(default=list, blank=True)
    may_redeem = models.BooleanField(default=True, help_text="Persons of this type may redeem prepaid codes.")

    class Meta:
        ordering = ["number"]
        permissions = [("edit_persontype", "Can set up characteristics and person types")]
        constraints = [
            models.UniqueConstraint(fields=["site", "number"], name="person_type_number_per_site"),
            models.CheckConstraint(condition=Q(number__gte=0, number__lte=255), name="person_type_number_in_bounds"),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.name}"


class Person(models.Model):
    """A user as shops know them: their key is the PersonID of the wire. User, site and type stay."""

    user = models.OneToOneField(User, models.PROTECT, related_name="person")
    site = models.ForeignKey(Site, models.PROTECT, related_name="persons", db_index=False)
    person_type = models.ForeignKey(PersonType, models.PROTECT, related_name="persons", db_index=False)
    is_active = models.BooleanField(default=True, help_text="One who is switched off cannot be identified.")
    created_at = models.DateTimeField(editable=False)

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(fields=["site", "-id"], name="person_newest_of_site"),
            models.Index(fields=["person_type", "-id"], name="person_newest_of_type"),
        ]
        permissions = [
            ("edit_person", "Can add persons, change their properties and set their secrets"),
            ("switch_person", "Can switch persons off and on, and have visitors forget them"),
        ]

    def __str__(self) -> str:
        return str(self.user)


class PersonProperty(models.Model):
    """What a person has of a characteristic: a readable value (an e-mail in lower case), or the salted hash of a secret."""

    person = models.ForeignKey(Person, models.CASCADE, related_name="properties")
    characteristic = models.ForeignKey(Characteristic, models.PROTECT, related_name="properties", db_index=False)
    value = models.CharField(max_length=LONGEST_VALUE, blank=True)
    secret_hash = models.CharField(max_length=255, blank=True, editable=False)

    class Meta:
        ordering = ["characteristic__number"]
        indexes = [models.Index(fields=["characteristic", "value"], name="person_property_value")]
        constraints = [
            models.UniqueConstraint(fields=["person", "characteristic"], name="person_property_once"),
            models.CheckConstraint(
                condition=Q(Q(secret_hash=""), ~Q(value="")) | Q(value="", secret_hash__contains="$"),  # noqa: S106
                name="person_property_value_or_hash",
            ),
        ]

    def __str__(self) -> str:
        return self.value or "a secret"
