import type { ComponentChildren, JSX } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { ToolButton } from "./media-buttons";

interface PopoverProps {
  /** The name of the button, and of what it opens. */
  readonly label: string;
  readonly icon: JSX.Element;
  readonly class: string;
  /** Buttons. Whichever is pressed closes it. */
  readonly children: ComponentChildren;
}

/** A tool that opens a few more above it. */
export function Popover({ label, icon, class: kind, children }: PopoverProps): JSX.Element {
  const [open, setOpen] = useState(false);
  const place = useRef<HTMLSpanElement>(null);
  const id = useId();
  const focusButton = () => place.current?.querySelector("button")?.focus();

  useEffect(() => {
    if (!open) return;
    const outside = ({ target }: Event) => {
      if (target instanceof Node && place.current?.contains(target) !== true) setOpen(false);
    };
    addEventListener("pointerdown", outside);
    addEventListener("focusin", outside);
    return () => {
      removeEventListener("pointerdown", outside);
      removeEventListener("focusin", outside);
    };
  }, [open]);

  return (
    <span
      ref={place}
      class="tool-place"
      onKeyDown={(event) => {
        if (event.key !== "Escape" || !open) return;
        event.preventDefault();
        setOpen(false);
        focusButton();
      }}
    >
      <ToolButton label={label} expanded={open} controls={id} onClick={() => setOpen(!open)}>
        {icon}
      </ToolButton>
      <div
        id={id}
        class={`popover ${kind}`}
        role="group"
        aria-label={label}
        hidden={!open}
        onClick={({ target }) => {
          if (!(target instanceof Element) || target.closest("button") === null) return;
          setOpen(false);
          // What was pressed is gone: the focus stays where it was opened, also after a dialog that comes now.
          focusButton();
        }}
      >
        {open && children}
      </div>
    </span>
  );
}
