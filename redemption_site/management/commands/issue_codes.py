"""Issue codes from the command line, with a progress bar; Ctrl-C leaves an order that goes on where it stopped."""

import datetime as dt
import sys
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import Site
from codes import issuing
from codes.formats import FORMATS
from codes.models import Batch, IssueOrder
from codes.uses import typed
from ledger.models import Asset

BAR = 40


class Command(BaseCommand):
    help = "Issue COUNT codes into a new batch, or into one that exists with --more."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("site", help="slug of the site")
        parser.add_argument("name", help="name of the batch")
        parser.add_argument("count", type=int)
        parser.add_argument("--format", default="ours", choices=list(FORMATS))
        parser.add_argument("--pattern", default="")
        self.add_terms(parser)

    def add_terms(self, parser: CommandParser) -> None:
        """What the codes do and when they count."""
        parser.add_argument("--more", action="store_true", help="add to the batch of this name, on its last terms")
        parser.add_argument("--action", default="credit")
        parser.add_argument("--value", default="0", help="worth of one use, as a decimal of the asset")
        parser.add_argument("--asset", default="")
        parser.add_argument("--uses", type=typed, default=1, help="a number, or unlimited for codes without value")
        parser.add_argument("--item", default="", help="for the action fulfilment")
        parser.add_argument("--tag", action="append", default=[], help="for the action add_tags")
        parser.add_argument("--offer", default="", help="ID of an offer, for the actions that license")
        parser.add_argument("--match", action="append", default=[], help="a search term; items match all of them")
        parser.add_argument("--valid-from", type=dt.date.fromisoformat)
        parser.add_argument("--valid-until", type=dt.date.fromisoformat, help="the last day")
        parser.add_argument("--time-zone", default="")

    def handle(self, *args: Any, **options: Any) -> None:
        site = Site.objects.filter(slug=options["site"]).first()
        if site is None:
            raise CommandError(f"There is no site {options['site']!r}.")
        try:
            order = self.order_more(site, options) if options["more"] else self.order_batch(site, options)
        except ValidationError as error:
            raise CommandError(
                "; ".join(f"{name}: {' '.join(said)}" for name, said in error.message_dict.items())
            ) from error
        order = issuing.work_order(order.pk, self.show)
        self.stderr.write("")
        if order.state != IssueOrder.State.DONE:
            raise CommandError(
                f"The order is {order.get_state_display().lower()}: {order.issued:,} of {order.wanted:,}."
            )
        self.stdout.write(f"Batch {order.batch_id}: {order.issued:,} codes issued.")

    def order_batch(self, site: Site, options: dict[str, Any]) -> IssueOrder:
        return issuing.order_batch(self.new_batch(site, options))[0]

    def new_batch(self, site: Site, options: dict[str, Any]) -> issuing.NewBatch:
        parameters: dict[str, Any] = {}
        if options["item"]:
            parameters["item"] = options["item"]
        if options["tag"]:
            parameters["tags"] = options["tag"]
        if options["offer"]:
            parameters["access_control"] = options["offer"]
        if options["match"]:
            parameters["match"] = {"all": options["match"]}
        asset = Asset.objects.filter(code=options["asset"]).first()
        return issuing.NewBatch(
            site_id=site.pk,
            name=options["name"],
            count=options["count"],
            caller_key="command",
            actor_id="system",
            action=options["action"],
            parameters=parameters,
            asset_code=options["asset"],
            value=asset.minor(options["value"]) if asset else 0,
            uses=options["uses"],
            format=options["format"],
            pattern=options["pattern"],
            valid_from=options["valid_from"],
            valid_until=options["valid_until"],
            time_zone=options["time_zone"] or site.time_zone,
        )

    def order_more(self, site: Site, options: dict[str, Any]) -> IssueOrder:
        batch = Batch.objects.filter(site=site, name=options["name"]).first()
        if batch is None:
            raise CommandError(f"There is no batch {options['name']!r}.")
        return issuing.order_more(batch, options["count"], caller_key="command", actor_id="system")

    def show(self, order: IssueOrder) -> None:
        done = BAR * order.issued // order.wanted
        line = f"\r[{'█' * done}{'░' * (BAR - done)}] {order.issued:>10,} of {order.wanted:,}"
        (sys.stderr if sys.stderr.isatty() else self.stderr).write(line)
