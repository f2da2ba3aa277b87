"""Accounts, teams and folders of Grafana, compared with what is described and changed where they differ."""

from __future__ import annotations

import urllib.parse
from collections.abc import Mapping, Sequence
from typing import Any

from .grafana import Ask, Reply

VIEW, EDIT = 1, 2  # permissions on a folder, in Grafana's numbers
ROLES = ("Viewer", "Editor")  # whose permissions are compared; an administrator may do everything anyway
UNKNOWN = -1  # of what check mode would have made


class Refused(Exception):
    """Grafana refused; the text says what, and what to do."""


class Access:
    """What is done to bring a Grafana to what is described; `done` has one sentence for each change."""

    def __init__(self, ask: Ask, only_look: bool = False) -> None:
        self.ask = ask
        self.only_look = only_look
        self.done: list[str] = []

    def bring(
        self,
        admin: str,
        accounts: Sequence[Mapping[str, Any]],
        teams: Sequence[str],
        folders: Sequence[Mapping[str, Any]],
    ) -> None:
        """Compare, and change what differs.

        :param accounts: `{login, password, role, teams}` each
        :param folders: `{uid, title, teams}` each
        :raises Refused: when Grafana does not do as it is told
        """
        self._log_in(admin)
        numbers = self._teams(teams)
        for account in accounts:
            number = self._account(account)
            for team in account["teams"]:
                self._member(number, account["login"], team, numbers[team])
        for folder in folders:
            self._folder(folder, numbers)

    def _log_in(self, admin: str) -> None:
        reply = self.ask("/api/org")
        if reply.status == 401:
            raise Refused(
                f"Grafana does not let {admin} in with golive_secrets.grafana_admin: its database was made with "
                "another password. Set this one (`grafana-cli admin reset-admin-password`), or put that one into "
                "golive_secrets_vault."
            )
        self._good(reply, "its organisation")

    def _good(self, reply: Reply, what: str) -> Any:
        if reply.status not in (200, 201):
            raise Refused(f"Grafana was asked for {what} and answered {reply.said}. See its journal, then run again.")
        return reply.content

    def _get(self, path: str, what: str) -> Any:
        return self._good(self.ask(path), what)

    def _change(self, path: str, method: str, body: Any, sentence: str) -> Any:
        self.done.append(sentence)
        return {} if self.only_look else self._good(self.ask(path, method, body), sentence)

    def _teams(self, names: Sequence[str]) -> dict[str, int]:
        """Return the number of each team, those included that had to be made."""
        found = self._get("/api/teams/search?perpage=1000", "its teams")["teams"] if names else []
        numbers = {str(team["name"]): int(team["id"]) for team in found}
        for name in names:
            if name not in numbers:
                made = self._change("/api/teams", "POST", {"name": name}, f"team {name} was made")
                numbers[name] = int(made.get("teamId", UNKNOWN))
        return numbers

    def _account(self, account: Mapping[str, Any]) -> int:
        """Return the number of an account that now has the password and role described."""
        login, password = str(account["login"]), str(account["password"])
        reply = self.ask(f"/api/users/lookup?loginOrEmail={urllib.parse.quote(login)}")
        if reply.status == 404:
            body = {"name": login, "login": login, "email": login, "password": password, "OrgId": 1}
            number = int(self._change("/api/admin/users", "POST", body, f"account {login} was made").get("id", UNKNOWN))
            role = "Viewer"  # of new accounts, as role grafana configures it
        else:
            number = int(self._good(reply, f"account {login}")["id"])
            members = self._get("/api/org/users", "the members of its organisation")
            role = next((str(member["role"]) for member in members if member["login"] == login), "")
            if self.ask("/api/user", login=(login, password)).status == 401:
                sentence = f"account {login} got another password"
                self._change(f"/api/admin/users/{number}/password", "PUT", {"password": password}, sentence)
        if role != account["role"]:
            sentence = f"account {login} became {account['role']}"
            self._change(f"/api/org/users/{number}", "PATCH", {"role": account["role"]}, sentence)
        return number

    def _member(self, number: int, login: str, team: str, of: int) -> None:
        there = [] if UNKNOWN in (number, of) else self._get(f"/api/teams/{of}/members", f"the members of team {team}")
        if number not in [int(member["userId"]) for member in there] or number == UNKNOWN:
            self._change(f"/api/teams/{of}/members", "POST", {"userId": number}, f"{login} joined team {team}")

    def _folder(self, folder: Mapping[str, Any], numbers: Mapping[str, int]) -> None:
        """Make a folder that is missing, and let those read it who are described."""
        uid, title = folder["uid"], folder["title"]
        path = f"/api/folders/{uid}"
        reply = self.ask(path)
        absent = reply.status == 404
        if absent:
            self._change("/api/folders", "POST", {"uid": uid, "title": title}, f'folder "{title}" was made')
        else:
            self._good(reply, f'folder "{title}"')
        unknown = absent and self.only_look
        there = [] if unknown else self._get(f"{path}/permissions", f'who may read folder "{title}"')
        wanted = {("", numbers[team], VIEW) for team in folder["teams"]} or {("Viewer", 0, VIEW), ("Editor", 0, EDIT)}
        found = {_permission(row) for row in there if not row.get("inherited")}
        if {row for row in found if row[0] in ROLES or row[1]} != wanted:
            items = [
                {"permission": permission, **({"role": role} if role else {"teamId": team})}
                for role, team, permission in sorted(wanted)
            ]
            who = ", ".join(folder["teams"]) or "everybody"
            self._change(f"{path}/permissions", "POST", {"items": items}, f'folder "{title}" is read by {who}')


def _permission(row: Mapping[str, Any]) -> tuple[str, int, int]:
    """Return role, team and permission of one entry of a folder's list."""
    return str(row.get("role") or ""), int(row.get("teamId") or 0), int(row["permission"])
