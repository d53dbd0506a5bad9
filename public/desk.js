// Shows moments by the clock of the browser. Without scripts, they are in UTC.
"use strict";
{
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
