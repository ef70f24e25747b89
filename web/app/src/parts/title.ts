import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { t } from "../text/text";

let first = true;

/**
 * Names the page, and moves the focus to the view's heading when the view has changed,
 * so that a screen reader goes on from there. The page's very first view leaves the focus to the browser.
 */
export function useTitle(title: string): RefObject<HTMLHeadingElement | null> {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = title === "" ? t("app.name") : `${title} · ${t("app.name")}`;
  }, [title]);
  useEffect(() => {
    if (!first) heading.current?.focus({ preventScroll: true });
    first = false;
  }, []);
  return heading;
}
