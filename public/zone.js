// Fills in where the browser's clock is, if nothing stands there. Without this, one types it.
const zone = document.getElementById("zone");
if (zone && !zone.value) zone.value = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "";
