"""What a person reads when the demo is up: where to go, as whom, with which codes."""

import json
import shlex
import urllib.request
from dataclasses import dataclass
from typing import Any

from deploy.local.trouble import Trouble


@dataclass(frozen=True)
class Welcome:
    """The demo's address, log-ins and fresh codes."""

    port: int
    staff: dict[str, str]
    claimant: dict[str, str]
    client_key: str
    codes: list[dict[str, str]]

    @classmethod
    def read(cls, port: int, printed: str) -> "Welcome":
        """Read what the command load_demo says in its last line."""
        try:
            facts: dict[str, Any] = json.loads(printed.strip().splitlines()[-1])
            return cls(port, facts["staff"], facts["claimant"], facts["client_key"], facts["codes"])
        except (IndexError, ValueError, KeyError, TypeError) as error:
            raise Trouble("manage.py load_demo did not end with the line of JSON that it promises.") from error

    @property
    def api_url(self) -> str:
        """Where the API is; by number, for not every resolver knows names that end in localhost."""
        return f"http://127.0.0.1:{self.port}/api/v1"

    def curl_line(self) -> str:
        """A line for the shell that redeems the first code."""
        body = {"code": self.codes[0]["code"], "claimant_id": self.claimant["claimant_id"]}
        return shlex.join(
            [
                *("curl", "-sS", "-X", "POST", f"{self.api_url}/redemptions"),
                *("-H", f"Authorization: Bearer {self.client_key}", "-H", "Content-Type: application/json"),
                *("-d", json.dumps(body)),
            ]
        )

    def text(self) -> str:
        """The whole greeting."""
        site = f"http://demo.localhost:{self.port}"
        codes = "\n".join(f"    {code['code']:<24} {code['kind']}" for code in self.codes)
        return f"""
The platform is running.

  Redeem a code      {site}/
    claimant         {self.claimant["email"]}   password: {self.claimant["password"]}
  Staff desk         {site}/admin/
    staff            {self.staff["email"]}   password: {self.staff["password"]}

  Fresh codes
{codes}

  Redeem the first one over the API
    {self.curl_line()}
"""


def request_of(curl_line: str) -> urllib.request.Request:
    """The request that a printed curl line sends, so that a check can send the very same one."""
    words = shlex.split(curl_line)
    options = [(words[index], words[index + 1]) for index in range(len(words) - 1) if words[index].startswith("-")]
    address = next(word for word in words if word.startswith("http://127.0.0.1:"))
    return urllib.request.Request(  # noqa: S310 - the address was just checked
        address,
        method=dict(options)["-X"],
        headers=dict(value.split(": ", 1) for option, value in options if option == "-H"),
        data=dict(options)["-d"].encode(),
    )
