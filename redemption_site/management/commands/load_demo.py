"""manage.py load_demo: fills an empty platform with a demonstration, and a filled one with three more codes."""

import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import Site
from redemption_site.demo import campaign, content, history, loyalty, offers, people, persons, reports, shop


class Command(BaseCommand):
    """Its last line is JSON: who can sign in, a fresh API key, and three fresh codes."""

    help = "Load the demonstration's sites, people, batches and codes; safe to run again. Refused in production."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--campaign",
            action="store_true",
            help="Order a batch of 100,000 codes, which the workers issue, and do nothing else; says its number.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.PRODUCTION:
            raise CommandError(
                "The demonstration has passwords that everybody knows: it is not loaded with MODE=production."
            )
        if options["campaign"]:
            self.order_campaign()
            return
        loaded = people.load_people()
        self.stdout.write(
            f"People: sites {loaded.site.domain} and {loaded.other_site.domain}, with claimants and staff."
        )
        content.load_content(loaded)
        offers.load_offers(loaded)
        history.load_history(loaded)
        history.hand_out(loaded)
        history.promise_bonus(loaded)
        reports.load_reports(loaded)
        persons.load_persons(loaded)
        shop.load_shop(loaded)
        loyalty.load_loyalty(loaded)
        self.stdout.write("Offers: a publisher's shelf, the contracts' examples, and a batch of every kind.")
        claimant = loaded.claimants["u-1001"]
        facts = {
            "staff": {"email": people.STAFF_EMAIL, "password": people.PASSWORD},
            "claimant": {
                "email": people.CLAIMANT_EMAIL,
                "password": people.PASSWORD,
                "claimant_id": claimant.claimant_id,
            },
            "client_key": people.load_key(loaded.site),
            "codes": offers.fresh_codes(loaded),
        }
        self.stdout.write(f"A fresh API key and {len(facts['codes'])} fresh codes, in the next line.")
        self.stdout.write(json.dumps(facts, ensure_ascii=False))

    def order_campaign(self) -> None:
        site = Site.objects.filter(slug="demo").first()
        if site is None:
            raise CommandError("Load the demonstration first, without --campaign.")
        batch = campaign.order_campaign(site)
        self.stdout.write(json.dumps({"batch": batch.pk, "name": batch.name, "state": batch.state}))
