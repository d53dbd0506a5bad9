// What the pages beside the inbox cannot do without a script. Without one, times are in UTC.
"use strict";
{
  // Moments by the clock of the browser.
  const { lang } = document.documentElement;
  // English with the day before the month, as the server writes it.
  const format = (of) => new Intl.DateTimeFormat(lang === "en" ? "en-GB" : lang, { hourCycle: "h23", ...of });
  const day = { day: "numeric", month: "short", year: "numeric" };
  const minute = { hour: "2-digit", minute: "2-digit" };
  const exact = format({ ...day, ...minute, second: "2-digit", fractionalSecondDigits: 3, timeZoneName: "shortOffset" });
  for (const time of document.querySelectorAll("time[datetime]")) {
    const [moment, shown] = [new Date(time.dateTime), time.textContent.trim()];
    if (time.title) time.title = exact.format(moment);
    if (/:\d\d:\d\d.*UTC$/.test(shown)) {
      time.textContent = exact.format(moment);
    } else if (shown.endsWith("UTC")) {
      const isToday = moment.toDateString() === new Date().toDateString();
      time.textContent = format(isToday ? minute : { ...day, ...minute }).format(moment);
    }
  }
}
{
  // A question comes into sight, and is left by Escape or a click elsewhere.
  const open = () => document.querySelector(".confirm[open]");
  const toggled = ({ target }) => {
    if (target.open && target.matches(".confirm")) target.lastElementChild.scrollIntoView({ block: "nearest" });
  };
  document.addEventListener("toggle", toggled, true);
  document.addEventListener("pointerdown", ({ target }) => {
    if (!open()?.contains(target)) open()?.removeAttribute("open");
  });
  document.addEventListener("keydown", ({ key }) => {
    if (key !== "Escape" || !open()) return;
    open().firstElementChild.focus();
    open().removeAttribute("open");
  });
}
