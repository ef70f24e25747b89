import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { droppedFiles, hasFiles } from "../files/dropped";
import { notify } from "../state/notices";
import type { Chosen } from "../state/transfers";
import { t } from "../text/text";
import { FilesIcon } from "./icons";

/** Takes files that are dropped anywhere on the page. */
export function DropZone({ onDrop }: { onDrop: (files: Chosen) => void }): JSX.Element | null {
  const [over, setOver] = useState(false);

  useEffect(() => {
    const ended = new AbortController();
    const { signal } = ended;
    const listen = (type: "dragenter" | "dragover" | "dragleave" | "drop", handle: (event: DragEvent) => void) =>
      window.addEventListener(type, (event) => hasFiles(event.dataTransfer) && handle(event), { signal });
    listen("dragenter", () => setOver(true));
    listen("dragover", (event) => {
      // Without this, the browser would open the file in place of the call.
      event.preventDefault();
      if (event.dataTransfer !== null) event.dataTransfer.dropEffect = "copy";
    });
    // It leaves the window when there is nothing that it goes to.
    listen("dragleave", (event) => event.relatedTarget === null && setOver(false));
    listen("drop", (event) => {
      event.preventDefault();
      setOver(false);
      if (event.dataTransfer === null) return;
      void droppedFiles(event.dataTransfer).then((files) => {
        if (files.length > 0) onDrop(files);
        else notify(t("files.nothing"));
      });
    });
    return () => ended.abort();
  }, [onDrop]);

  if (!over) return null;
  return (
    <div class="drop-zone">
      <p>
        <FilesIcon />
        {t("files.drop")}
      </p>
    </div>
  );
}
