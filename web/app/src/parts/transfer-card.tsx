import type { JSX } from "preact";
import type { ShownTransfer } from "../state/transfers";
import { isOver, percentOf, sentenceOf } from "../state/transfer-view";
import { sizeText } from "../text/amounts";
import { plural, t } from "../text/text";
import { CloseIcon, SaveIcon } from "./icons";

/** Files of an offer that are named one by one. */
const LISTED = 4;

/** One transfer: an offer to be answered, files on their way, or what has become of them. */
export function TransferCard({ transfer }: { transfer: ShownTransfer }): JSX.Element {
  const { key, name, view } = transfer;
  const { incoming, state, person, saving } = view.value;
  const asks = incoming && state === "offered";
  const sentence = sentenceOf(view.value, transfer);
  return (
    <li class="transfer" aria-labelledby={`transfer-${key}`}>
      <h3 class="transfer-title" id={`transfer-${key}`} dir="auto">
        {asks ? sentence : name}
      </h3>
      {asks ? (
        <FileList transfer={transfer} />
      ) : (
        <>
          <p class="transfer-person">{t(incoming ? "files.from" : "files.to-name", { name: person })}</p>
          {(state === "running" || state === "waiting" || state === "completed") && <Progress transfer={transfer} text={sentence} />}
        </>
      )}
      <div class="transfer-foot">
        {!asks && <p class={state === "failed" || state === "waiting" ? "transfer-text warm" : "transfer-text"}>{sentence}</p>}
        {saving === undefined && <Buttons transfer={transfer} />}
      </div>
    </li>
  );
}

function FileList({ transfer: { files, bytes } }: { transfer: ShownTransfer }): JSX.Element {
  if (files.length === 1) return <p class="transfer-text">{sizeText(bytes)}</p>;
  const more = files.length > LISTED + 1 ? files.length - LISTED : 0;
  return (
    <>
      <ul class="transfer-files">
        {(more > 0 ? files.slice(0, LISTED) : files).map(({ path, size }) => (
          <li key={path}>
            <span class="transfer-path" dir="auto">
              {path}
            </span>
            <span>{sizeText(size)}</span>
          </li>
        ))}
        {more > 0 && <li>{plural("files.more-files", more)}</li>}
      </ul>
      <p class="transfer-text">{t("files.in-all", { size: sizeText(bytes) })}</p>
    </>
  );
}

function Progress({ transfer, text }: { transfer: ShownTransfer; text: string }): JSX.Element {
  const percent = percentOf(transfer.view.value, transfer);
  return (
    <div
      class="progress"
      role="progressbar"
      aria-label={transfer.name}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={percent}
      aria-valuetext={text}
    >
      <span style={{ width: `${percent}%` }} />
    </div>
  );
}

function Buttons({ transfer }: { transfer: ShownTransfer }): JSX.Element {
  const view = transfer.view.value;
  const describedBy = `transfer-${transfer.key}`;
  const button = (label: string, look: "primary" | "quiet", act: () => void) => (
    <button type="button" class={`button ${look} small`} aria-describedby={describedBy} onClick={act}>
      {look === "primary" && label === t("files.save") && <SaveIcon />}
      {label}
    </button>
  );
  if (!isOver(view)) {
    if (!view.incoming || view.state !== "offered") return <div class="transfer-buttons">{button(t("files.cancel"), "quiet", transfer.cancel)}</div>;
    return (
      <div class="transfer-buttons">
        {button(t("files.decline"), "quiet", transfer.decline)}
        {button(t("files.accept"), "primary", transfer.accept)}
      </div>
    );
  }
  const saved = view.saved === "downloaded" || view.saved === "written";
  const received = view.incoming && view.state === "completed";
  return (
    <>
      {received && (
        <div class="transfer-buttons">
          {!saved && button(t("files.discard"), "quiet", transfer.dismiss)}
          {button(t("files.save"), saved ? "quiet" : "primary", transfer.save)}
        </div>
      )}
      {(saved || !received) && (
        <button type="button" class="plain transfer-dismiss" aria-label={t("files.dismiss", { what: transfer.name })} onClick={transfer.dismiss}>
          <CloseIcon />
        </button>
      )}
    </>
  );
}
