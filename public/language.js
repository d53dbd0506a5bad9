// Keeps the chosen language in a cookie, which the server reads when it makes a page, and loads this page anew.
"use strict";
document.getElementById("language")?.addEventListener("change", ({ target: { value, dataset } }) => {
  const age = value ? 34560000 : 0;
  document.cookie = `${dataset.cookie}=${value}; path=${dataset.path}; max-age=${age}; samesite=lax`;
  // The page that comes is this one again: its place in the list and its draft stay.
  sessionStorage.setItem("again", "");
  // A page that answers a form would be asked for by sending it again.
  location.replace(location.pathname + location.search);
});
