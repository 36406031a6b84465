// Signing in, where no token stood in the address: a name and a password, or the token that the start printed.

import { el, setText } from "./dom.js";
import { t } from "./texts.js";

/** Show the form in `page` and wait until somebody is signed in. */
export function signIn(session, page) {
  return new Promise((done) => {
    const field = (id, type, name, complete) => [
      el("label", { for: id }, t(name)),
      el("input", { id, type, autocomplete: complete }),
    ];
    const user = field("user", "text", "signin.user", "username");
    const password = field("password", "password", "signin.password", "current-password");
    const token = field("token", "password", "signin.token", "off");
    const problem = el("p", { class: "why", role: "alert" });
    const form = el(
      "form",
      { class: "signin" },
      el("h1", {}, t("signin.title")),
      el("p", {}, t("signin.text")),
      user,
      password,
      el("p", { class: "or" }, t("signin.or")),
      token,
      problem,
      el("button", { type: "submit" }, t("signin.go")),
    );
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      setText(problem, "");
      const given = token[1].value.trim();
      // The printed address is taken as well as its token alone.
      const alone = given.includes("token=") ? given.slice(given.indexOf("token=") + 6) : given;
      const known = await (
        alone ? session.redeem(alone, user[1].value.trim()) : session.signIn(user[1].value.trim(), password[1].value)
      ).catch(() => false);
      if (known) done();
      else setText(problem, t("signin.refused", { why: session.problem }));
    });
    page.replaceChildren(el("main", {}, form));
    if (session.problem) setText(problem, t("signin.refused", { why: session.problem }));
    user[1].focus();
  });
}
