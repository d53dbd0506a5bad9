//! The drawing beside a form.

use leptos::prelude::*;

/// The drawing.
pub(super) fn evening() -> impl IntoView {
    view! { <Evening /> }
}

/// A drawing of a bell tower between hills, in the evening.
#[component]
fn Evening() -> impl IntoView {
    view! {
        <svg class="evening" viewBox="0 0 720 900" preserveAspectRatio="xMidYMax" aria-hidden="true">
            <circle class="evening-sun" cx="556" cy="250" r="46" />
            <path class="evening-far" d="M-2000 742H-400c90-50 210-66 330-30s180 50 280 22 190-84 320-62 180 70 300 44 220-60 330-36H2700" />
            <path class="evening-far" d="M92 300q12-10 20 2q8-12 20-2M140 262q9-8 15 1q6-9 15-1M58 346q8-7 13 1q5-8 13-1" />
            <path class="evening-hill" d="M-2000 812H-400c150-60 300-58 420-22s210 40 330 10 220-52 380-20 280 30 390 6H2700V960H-2000z" />
            <path class="evening-tree" d="M148 836c-13-30-17-112 0-158c17 46 13 128 0 158zM186 836c-11-24-14-84 0-120c14 36 11 96 0 120zM552 836c-13-32-18-120 0-170c18 50 13 138 0 170zM594 836c-9-20-12-78 0-108c12 30 9 88 0 108z" />
            <path class="evening-wall" d="M222 840v-74h86v74zM430 840v-66h76v66z" />
            <path class="evening-roof" d="M214 768l51-30 51 30zM417 774l51-26 45 26z" />
            <path class="evening-wall" d="M304 850V432h112v418zM296 850v-46h128v46zM296 432v-14h128v14zM304 418V318h112v100zM294 318v-14h132v14zM316 304v-44h88v44z" />
            <path class="evening-roof" d="M308 260 360 128l52 132z" />
            <path class="evening-line" d="M240 786h14v14h-14zM276 786h14v14h-14zM448 790h12v12h-12zM476 790h12v12h-12z" />
            <path class="evening-line" d="M322 804V470M398 804V470M322 470q9.5-16 19 0q9.5-16 19 0q9.5-16 19 0q9.5-16 19 0M360 128v-34M360 98h16l-5 6 5 6h-16" />
            <path class="evening-line" d="M351 620v-24a9 9 0 0 1 18 0v24zM351 700v-24a9 9 0 0 1 18 0v24zM341 540v-24a8 8 0 0 1 16 0v24zM363 540v-24a8 8 0 0 1 16 0v24zM346 850v-48a14 14 0 0 1 28 0v48M336 292v-16a6 6 0 0 1 12 0v16M354 292v-16a6 6 0 0 1 12 0v16M372 292v-16a6 6 0 0 1 12 0v16" />
            <path class="evening-arch" d="M326 418v-56a34 34 0 0 1 68 0v56z" />
            <path class="evening-bell" d="M338 400c5-5 7-12 7-24a15 15 0 0 1 30 0c0 12 2 19 7 24zM360 361v-10M354 405a6 6 0 0 0 12 0" />
            <path class="evening-sound" d="M272 346c-10 9-10 27 0 36M250 330c-20 18-20 50 0 68M228 314c-30 27-30 73 0 100M448 346c10 9 10 27 0 36M470 330c20 18 20 50 0 68M492 314c30 27 30 73 0 100" />
            <path class="evening-hill" d="M-2000 862H-300c170-6 330-42 490-36s190 12 310 8 180-20 300-12 260 36 400 40H2700V960H-2000z" />
        </svg>
    }
}
