import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";

interface DialogProps {
  readonly class?: string;
  /** The identifier of the element that names the dialog. */
  readonly labelledBy: string;
  /** Escape was pressed. */
  readonly onDismiss: () => void;
  readonly children: ComponentChildren;
}

/** A dialog that holds the focus while it is there, and gives it back afterwards. */
export function Dialog(props: DialogProps): JSX.Element {
  const element = useRef<HTMLDialogElement>(null);

  useEffect(() => {
    const dialog = element.current;
    if (dialog === null) return;
    const before = document.activeElement;
    dialog.showModal();
    return () => {
      dialog.close();
      // A dialog that is no longer in the page doesn't give the focus back by itself.
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);

  return (
    <dialog
      ref={element}
      class={props.class ?? ""}
      aria-labelledby={props.labelledBy}
      onCancel={(event) => {
        event.preventDefault();
        props.onDismiss();
      }}
    >
      {props.children}
    </dialog>
  );
}
