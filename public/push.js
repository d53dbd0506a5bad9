// Turns push on and off for this browser. The browser asks the user only after a click; the texts are in templates that
// the server rendered (notify_me/here.rs).
"use strict";
(() => {
  const here = document.getElementById("push-here");
  if (!here) return;
  const { base, user } = here.dataset;
  const isOwn = "own" in here.dataset;
  const button = here.querySelector("button");
  const status = here.querySelector("[role=status]");
  const problem = here.querySelector("[role=alert]");
  const contacts = `${base}/api/contacts/${encodeURIComponent(user)}`;
  /** The key under which the page stores the end of the endpoint that it last sent to the server. */
  const TOLD = "campanile.push";
  const A_DAY = 86_400_000;

  /** Shows the state, if it changed, so that it is announced once. */
  function say(state) {
    if (here.dataset.state === state) return;
    here.dataset.state = state;
    const template = here.querySelector(`template[data-state="${state}"]`);
    status.replaceChildren(template.content.cloneNode(true));
    const word = template.dataset.button;
    // If there is no button any more, this section gets the focus.
    if (!word && document.activeElement === button) here.focus();
    button.hidden = !word;
    if (word) button.textContent = word;
    button.className = state === "on" ? "plain" : "primary";
  }

  /** A sentence of the page's language, with these values in its places. */
  function says(name, ...values) {
    const word = here.querySelector(`template[data-says="${name}"]`).content.textContent;
    return word.replace(/\{(\d)\}/g, (_, place) => values[place]);
  }

  function complain(why) {
    problem.textContent = why;
  }

  function isIosTab() {
    const isIos = /iP(hone|ad|od)/.test(navigator.userAgent) || (/Macintosh/.test(navigator.userAgent) && navigator.maxTouchPoints > 1);
    return isIos && !matchMedia("(display-mode: standalone)").matches;
  }

  /** Why push is impossible in this browser; nothing if it is possible. */
  function obstacle() {
    if (!isSecureContext) return "insecure";
    if (!("serviceWorker" in navigator && "PushManager" in window && "Notification" in window))
      return isIosTab() ? "ios" : "unsupported";
    return Notification.permission === "denied" ? "blocked" : undefined;
  }

  /** Campanile's service worker, and not one of a site around its base path. */
  async function registered() {
    const registration = await navigator.serviceWorker.getRegistration(`${base}/`);
    return registration?.scope === new URL(`${base}/`, location.href).href ? registration : undefined;
  }

  /** Registers the worker, with what it has to know: it reads that from its URL. */
  function register() {
    const script = `${base}/sw.js?${new URLSearchParams({ user, label: label(), unreadable: says("unreadable") })}`;
    return navigator.serviceWorker.register(script, { updateViaCache: "none" });
  }

  const end = (subscription) => subscription.endpoint.slice(-8);

  /** The contact of this subscription in the page's list. */
  const listed = (subscription) =>
    subscription && document.querySelector(`#contacts [data-channel="webpush"][data-end="${CSS.escape(end(subscription))}"]`);

  const remembered = () => {
    try {
      return localStorage.getItem(TOLD);
    } catch {
      return null;
    }
  };
  /** Stores a value if the browser allows it: without it, only a little comfort is lost. */
  const remember = (name, value) => {
    try {
      localStorage.setItem(name, value);
    } catch {
      return;
    }
  };

  // The first match counts: later browsers are also named by earlier ones.
  const BROWSERS = {
    Opera: /OPR\//,
    Edge: /Edg(e|A|iOS)?\//,
    "Samsung Internet": /SamsungBrowser\//,
    Firefox: /(Firefox|FxiOS)\//,
    Chrome: /(Chrome|CriOS)\//,
    Safari: /Safari\//,
  };
  const SYSTEMS = {
    Android: /Android/,
    iPhone: /iPhone/,
    iPad: /iPad/,
    Windows: /Windows/,
    macOS: /Macintosh/,
    ChromeOS: /CrOS/,
    Linux: /Linux/,
  };

  /** The label of this browser in the list: its name and its system, as far as it reports them. */
  function label() {
    const agent = navigator.userAgent;
    const { brands, platform } = navigator.userAgentData ?? {};
    const named = (names) => Object.keys(names).find((name) => names[name].test(agent));
    // One of the brands is made up.
    const brand = brands?.map(({ brand }) => brand).find((name) => !/^Chromium$|not.*brand/i.test(name));
    const browser = brand?.replace(/^(Google|Microsoft) /, "") || named(BROWSERS) || says("a-browser");
    const system = platform || named(SYSTEMS);
    return (system ? says("browser-on", browser, system) : browser).slice(0, 64);
  }

  /** Sends a request to the server, and returns the response. */
  async function ask(path, options) {
    let answer;
    try {
      answer = await fetch(path, { credentials: "same-origin", cache: "no-store", ...options });
    } catch {
      throw new Error(says("unreachable"));
    }
    if (answer.ok) return answer;
    // The API speaks one language.
    const told = "details" in here.dataset ? await answer.json().catch(() => ({})) : {};
    const why = told.errors?.[0]?.message ?? told.detail ?? says("answered", answer.status);
    throw Object.assign(new Error(why), { status: answer.status });
  }

  async function tellServer(subscription) {
    await ask(contacts, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ channel: "webpush", subscription: subscription.toJSON(), label: label() }),
    });
    remember(TOLD, `${end(subscription)} ${encodeURIComponent(user)}`);
  }

  /** Updates the parts of the page about contacts. Choices in the form stay. */
  async function reload() {
    const answer = await ask(location.pathname + location.search, { headers: { accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of ["#contacts", ".choices thead"]) {
      const [old, fresh] = [document.querySelector(part), page.querySelector(part)];
      if (old && fresh) old.replaceWith(document.importNode(fresh, true));
    }
  }

  /** The state according to the browser and the list. */
  async function look() {
    const stands = obstacle();
    if (stands) return { state: stands };
    const registration = await registered();
    const subscription = await registration?.pushManager.getSubscription();
    const contact = Notification.permission === "granted" ? listed(subscription) : null;
    for (const mark of document.querySelectorAll("#contacts .this-browser")) mark.hidden = !contact?.contains(mark);
    const worker = registration?.active ?? registration?.waiting ?? registration?.installing;
    const knows = worker && new URL(worker.scriptURL).searchParams;
    if (contact) return { state: contact.dataset.state === "active" ? "on" : "stopped", subscription, contact, knows };
    const of = knows?.get("user");
    return { state: subscription && of !== user ? "elsewhere" : "off", subscription, of };
  }

  async function show() {
    const { state } = await look();
    say(state);
  }

  const bytes = (base64url) => Uint8Array.from(atob(base64url.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  const same = (a, b) => a && a.length === b.length && a.every((byte, place) => byte === b[place]);

  /** Waits until the registered worker is active: there is no subscription without one. */
  async function active(registration) {
    const worker = registration.installing ?? registration.waiting;
    if (!worker) return registration;
    await new Promise((resolve, reject) => {
      const look = () => {
        if (worker.state === "activated") resolve();
        if (worker.state === "redundant") reject(new Error(says("no-worker")));
      };
      worker.addEventListener("statechange", look);
      look();
    });
    return registration;
  }

  async function subscribe(registration, applicationServerKey, isFresh) {
    const manager = registration.pushManager;
    const old = await manager.getSubscription();
    const key = old?.options?.applicationServerKey;
    // A subscription with another key is useless, and the browser creates no second one beside it.
    if (old && (isFresh || !same(key && new Uint8Array(key), applicationServerKey))) await old.unsubscribe();
    const options = { userVisibleOnly: true, applicationServerKey };
    try {
      return await manager.subscribe(options);
    } catch (error) {
      if (error.name !== "InvalidStateError") throw error;
      await (await manager.getSubscription())?.unsubscribe();
      return manager.subscribe(options);
    }
  }

  /** The problem, in words. */
  function why(error) {
    if (error.name === "NotAllowedError") return says("not-allowed");
    if (error.name === "AbortError") return says("no-service");
    return error.message;
  }

  async function turnOn() {
    // This comes first: browsers ask only during a click.
    const permission = await Notification.requestPermission();
    if (permission === "denied") return;
    if (permission !== "granted") throw new Error(says("no-answer"));
    say("turning-on");
    const { state, contact } = await look();
    const isGivenUp = state === "stopped";
    const { key } = await (await ask(`${base}/api/push/key`)).json();
    const registration = await active(await register());
    // A subscription that the push service gave up is not used again, and is removed from the list.
    await tellServer(await subscribe(registration, bytes(key), isGivenUp));
    if (isGivenUp) await remove(contact).catch(() => {});
    // An open inbox would show the same notification a second time. The user may turn that on again.
    if (isOwn) remember("campanile.desktop", "off");
    await reload();
  }

  /** Removes a contact, even if it is already gone. */
  async function remove(contact) {
    const path = `${contacts}/${contact.dataset.contact}`;
    await ask(path, { method: "DELETE" }).catch((error) => error.status === 404 || Promise.reject(error));
  }

  async function turnOff() {
    const { subscription, contact } = await look();
    if (contact) await remove(contact);
    remember(TOLD, "");
    await subscription?.unsubscribe();
    await reload();
  }

  button.addEventListener("click", async () => {
    if (button.getAttribute("aria-disabled")) return;
    button.setAttribute("aria-disabled", "true");
    complain("");
    try {
      await (here.dataset.state === "on" ? turnOff() : turnOn());
    } catch (error) {
      complain(why(error));
    }
    button.removeAttribute("aria-disabled");
    await show();
  });

  /**
   * Confirms this browser to the server once a day, and reports a subscription that changed while the server was away. The
   * worker learns when the user has chosen another language.
   */
  async function renew() {
    const { state, subscription, contact, of, knows } = await look();
    if (state === "on" && knows.get("unreadable") !== says("unreadable")) await register();
    const isOld = contact && Date.now() - Date.parse(contact.dataset.seen) > A_DAY;
    const [told, toldOf] = (remembered() ?? "").split(" ");
    const isChanged = state === "off" && subscription && of === user && toldOf === encodeURIComponent(user) && told !== end(subscription);
    if (!(state === "on" && isOld) && !isChanged) return;
    await tellServer(subscription);
    await reload();
    await show();
  }

  // A user who unblocks push in the browser's settings finds the page up to date.
  navigator.permissions
    ?.query({ name: "notifications" })
    .then((permission) => permission.addEventListener("change", () => void show()))
    .catch(() => {});
  void show()
    .then(renew)
    .catch(() => {});
})();
