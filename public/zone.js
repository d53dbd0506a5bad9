// Fills in the time zone of the browser if the field is empty. Without scripts, the user types it.
const zone = document.getElementById("zone");
if (zone && !zone.value) zone.value = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "";
