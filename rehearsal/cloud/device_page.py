"""The page on which somebody enters the code of another screen: plain HTML, no script, nothing fetched."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from rehearsal.cloud.accounts import User
from rehearsal.cloud.device_codes import DeviceCodeError, WaitingSignIn
from rehearsal.cloud.services import Handler

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 44rem; margin: 3rem auto; padding: 0 1rem; color: #1b1b1b; }
h1 { font-size: 1.4rem; } form { border: 1px solid #bbb; border-radius: 6px; padding: 1rem 1.25rem; margin: 1rem 0; }
label { display: block; font-weight: 600; margin-top: .6rem; } li { margin: .1rem 0; }
input, select { font: inherit; padding: .4rem .5rem; width: 100%; box-sizing: border-box; }
input.code { font-family: ui-monospace, monospace; letter-spacing: .15em; text-transform: uppercase; }
button { font: inherit; padding: .5rem 1rem; margin: 1rem .5rem 0 0; border: 1px solid #0b5cad; border-radius: 4px; }
button.main { background: #0b5cad; color: #fff; } button.other { background: #fff; color: #0b5cad; }
.note { color: #444; background: #f4f4f4; border-left: 4px solid #888; padding: .5rem .8rem; }
.bad { border-left: 4px solid #b00020; background: #fdf0f1; padding: .5rem .8rem; }
.good { border-left: 4px solid #1a7f37; background: #eef8f0; padding: .5rem .8rem; }
"""
_NOTE = (
    '<p class="note">This is the rehearsal: no password is asked, and nothing outside this machine is reached. '
    "The real page is microsoft.com/devicelogin.</p>"
)
_ANSWERS = {
    "approve": "approved",
    "deny": "denied",
    "block": "blocked",
}
_DONE = {
    "approved": (
        "good",
        "{user} has signed in to {application}. Go back to the other screen; you can close this page.",
    ),
    "denied": ("bad", "You declined. {application} will say that the sign-in was declined."),
    "blocked": (
        "bad",
        "A Conditional Access policy blocked the sign-in (AADSTS53003), as many tenants do. {application} will say so.",
    ),
}


class DevicePageHandler(Handler):
    """``/devicelogin``: first the code, then who signs in."""

    def check_xsrf_cookie(self) -> None:
        """No cookie says who somebody is here; ``post`` looks at where the form came from."""

    def set_default_headers(self) -> None:
        super().set_default_headers()
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header(
            "Content-Security-Policy",
            "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'",
        )

    async def get(self) -> None:
        code = self.get_query_argument("code", "")
        if not code:
            self.finish(_page(_code_form("")))
            return
        try:
            found = self.services.sign_in.devices.find(code)
        except DeviceCodeError as error:
            self._again(code, str(error))
            return
        self.finish(_page(_choice_form(found, self.services.sign_in.users.administrators())))

    async def post(self) -> None:
        origin = self.request.headers.get("Origin")
        if origin not in (None, self.address()):
            self.set_status(403)
            self.finish(_page('<p class="bad">This form came from another site.</p>'))
            return
        form = {name: self.get_body_argument(name, "") for name in ("code", "user", "other", "action")}
        try:
            self._answer(form)
        except DeviceCodeError as error:
            self._again(form["code"], str(error))

    def write_error(self, status_code: int, **_: object) -> None:
        """A refusal by the web server itself."""
        self.finish(_page(f'<p class="bad">The request is not valid ({status_code}).</p>{_code_form("")}'))

    def _answer(self, form: Mapping[str, str]) -> None:
        sign_in = self.services.sign_in
        name = form["other"].strip() or form["user"]
        user = sign_in.users.find(name)
        outcome = _ANSWERS.get(form["action"], "")
        if outcome == "approved" and user is None:
            raise DeviceCodeError(f"No user is called {name!r}.")
        answered = sign_in.devices.answer(form["code"], outcome, user)
        kind, text = _DONE[outcome]
        who = user.display_name if user else ""
        said = text.format(user=who, application=answered.application)
        self.finish(_page(f'<p class="{kind}">{escape(said)}</p>'))

    def _again(self, code: str, reason: str) -> None:
        self.set_status(400)
        self.finish(_page(f'<p class="bad">{escape(reason)}</p>{_code_form(code)}'))


def _code_form(code: str) -> str:
    return (
        '<form method="get" action="/devicelogin"><label for="code">Code from the other screen</label>'
        f'<input class="code" id="code" name="code" maxlength="20" autocomplete="off" autofocus value="{escape(code)}">'
        '<button class="main">Next</button></form>'
    )


def _choice_form(found: WaitingSignIn, administrators: tuple[User, ...]) -> str:
    options = "".join(
        f'<option value="{escape(user.user_principal_name)}">{escape(user.display_name)} '
        f"({escape(', '.join(sorted(user.roles)))})</option>"
        for user in administrators
    )
    asked = found.scopes.permissions or ("everything that was consented to",)
    wanted = "".join(f"<li>{escape(name)}</li>" for name in asked)
    return (
        f"<p><strong>{escape(found.application)}</strong> waits for a sign-in with the code "
        f"<strong>{escape(found.user_code)}</strong>. Go on only if you started it yourself.</p>"
        f"<p>It asks for:</p><ul>{wanted}</ul>"
        f'<form method="post" action="/devicelogin"><input type="hidden" name="code" value="{escape(found.user_code)}">'
        f'<label for="user">Sign in as</label><select id="user" name="user">{options}</select>'
        '<label for="other">or as another user (user principal name)</label>'
        '<input id="other" name="other" autocomplete="off">'
        '<button class="main" name="action" value="approve">Sign in</button>'
        '<button class="other" name="action" value="deny">Cancel</button>'
        '<button class="other" name="action" value="block">Let Conditional Access block it</button></form>'
    )


def _page(content: str) -> str:
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Sign in on another device</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head><body><h1>Sign in on another device</h1>{content}{_NOTE}</body></html>"
    )
