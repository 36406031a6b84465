// Who sits here. The first start prints an address with a token behind the '#', which a browser never sends by itself:
// it is exchanged once for a session cookie that no script can read, and taken out of the address at once.

const ADDRESS = "/api/v1/session";

export class Session {
  user = "";
  role = "";
  problem = "";

  #take(answer) {
    this.user = answer.user;
    this.role = answer.role;
    this.problem = "";
  }

  async #post(body) {
    const response = await fetch(ADDRESS, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
      credentials: "same-origin",
    });
    const answer = await response.json().catch(() => ({}));
    if (response.ok) this.#take(answer);
    else this.problem = answer.detail ?? answer.title ?? String(response.status);
    return response.ok;
  }

  /** Take the token out of the address and use it; else ask who we are. True where somebody is signed in. */
  async begin() {
    const token = new URLSearchParams(location.hash.slice(1)).get("token");
    if (token) {
      history.replaceState(null, "", location.pathname);
      if (await this.#post({ token })) return true;
    }
    return this.known();
  }

  /** Ask the gateway who we are. */
  async known() {
    const response = await fetch(ADDRESS, { credentials: "same-origin" });
    if (response.ok) this.#take(await response.json());
    return response.ok;
  }

  signIn(user, password) {
    return this.#post({ user, password });
  }

  redeem(token, name) {
    return this.#post(name ? { token, name } : { token });
  }

  async signOut() {
    await fetch(ADDRESS, { method: "DELETE", credentials: "same-origin" });
  }
}
