import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { nameOf } from "../files/names";
import { participants } from "../state/model";
import { notify } from "../state/notices";
import { sendFiles, type Chosen } from "../state/transfers";
import { contentText } from "../state/transfer-view";
import { sizeText } from "../text/amounts";
import { t } from "../text/text";
import { Dialog } from "./dialog";
import { CloseIcon, FilesIcon, FolderIcon } from "./icons";

interface SendFilesProps {
  /** What was dropped on the page; nothing: it is chosen here. */
  readonly dropped: Chosen;
  readonly onDone: () => void;
}

/** Chooses files, and who gets them. With one other in the call, there is nothing to ask. */
export function SendFilesDialog({ dropped, onDone }: SendFilesProps): JSX.Element | null {
  const people = participants.value;
  const [to, setTo] = useState("");
  const atOnce = dropped.length > 0 && people.length === 1;

  const send = (files: Chosen) => {
    if (files.length === 0) return;
    void sendFiles(files, people.some(({ id }) => id === to) ? to : null).catch(() => notify(t("files.too-many")));
    onDone();
  };
  useEffect(() => {
    if (atOnce) send(dropped);
  }, [dropped]);
  if (atOnce) return null;

  return (
    <Dialog class="send-files" labelledBy="send-files-title" onDismiss={onDone}>
      <div class="dialog-header">
        <h2 id="send-files-title">{t("files.send")}</h2>
        <button type="button" class="plain" aria-label={t("files.close")} onClick={onDone}>
          <CloseIcon />
        </button>
      </div>
      {people.length === 0 && <p>{t("files.nobody")}</p>}
      {people.length > 1 && (
        <label class="field">
          <span class="field-label">{t("files.to")}</span>
          <select value={to} onChange={(event) => setTo(event.currentTarget.value)}>
            <option value="">{t("files.everybody")}</option>
            {people.map(({ id, name }) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
          </select>
        </label>
      )}
      {people.length > 0 && (dropped.length > 0 ? <Dropped files={dropped} onSend={() => send(dropped)} /> : <Choice onChoose={send} />)}
    </Dialog>
  );
}

function Dropped({ files, onSend }: { files: Chosen; onSend: () => void }): JSX.Element {
  const paths = files.map((item) => (item instanceof File ? item.name : item.path));
  const bytes = files.reduce((sum, item) => sum + (item instanceof File ? item : item.file).size, 0);
  const content = { name: nameOf(paths), files: paths.map((path) => ({ path })), bytes };
  return (
    <>
      <p class="dropped">
        {contentText(content)}, {sizeText(bytes)}
      </p>
      <button type="button" class="button primary" onClick={onSend}>
        {t("files.send-chosen")}
      </button>
    </>
  );
}

function Choice({ onChoose }: { onChoose: (files: Chosen) => void }): JSX.Element {
  const chosen = ({ currentTarget }: { currentTarget: HTMLInputElement }) => onChoose([...(currentTarget.files ?? [])]);
  return (
    <>
      <div class="file-choices">
        <label class="button primary">
          <FilesIcon />
          {t("files.choose")}
          <input type="file" multiple autofocus onChange={chosen} />
        </label>
        {"webkitdirectory" in HTMLInputElement.prototype && (
          <label class="button quiet">
            <FolderIcon />
            {t("files.choose-folder")}
            <input type="file" ref={chooseFolders} onChange={chosen} />
          </label>
        )}
      </div>
      <p class="hint">
        {t("files.send-hint")} <span class="drop-hint">{t("files.drop-hint")}</span>
      </p>
    </>
  );
}

function chooseFolders(input: HTMLInputElement | null): void {
  if (input !== null) input.webkitdirectory = true;
}
