import { expect } from "@playwright/test";

/** What shows a mark. */
type Look = Pick<CSSStyleDeclaration, "backgroundColor" | "outlineColor" | "outlineStyle" | "display">;

/** Two colours of the system. Runs in the page. */
export function systemColors() {
  const probe = document.body.appendChild(document.createElement("i"));
  const color = (name: string) => ((probe.style.color = name), getComputedStyle(probe).color);
  return { highlight: color("Highlight"), canvas: color("Canvas") };
}

/** How an element looks. Runs in the page. */
export function lookOf(element: Element): Look {
  const { backgroundColor, outlineColor, outlineStyle, display } = getComputedStyle(element);
  return { backgroundColor, outlineColor, outlineStyle, display };
}

/** Expects every mark of a live inbox, of which a category is chosen and one notification is unread. */
export async function expectMarks(system: ReturnType<typeof systemColors>, look: (selector: string) => Promise<Look>): Promise<void> {
  expect(system.highlight).not.toBe(system.canvas);
  const marked = { backgroundColor: system.highlight };
  expect(await look(".row.unread .unread-dot")).toMatchObject({ ...marked, display: "block" });
  const chosen = { outlineStyle: "solid", outlineColor: system.highlight };
  for (const of of [".inboxes .choice[aria-current]", ".kinds .choice[aria-current]", ".segments [aria-current]", ".chip:has(:checked)"])
    expect(await look(of), of).toMatchObject(chosen);
  expect((await look(".choice:not([aria-current])")).outlineStyle).toBe("none");
  expect(await look('[data-state="live"] .freshness-dot')).toMatchObject(marked);
}
