import type { JSX } from "preact";
import type { ShownTransfer } from "../state/shown-transfer";
import { percentOf, sentenceOf } from "../state/transfer-view";
import { sizeText } from "../text/amounts";
import { plural, t } from "../text/text";
import { TransferButtons } from "./transfer-buttons";

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
        {saving === undefined && <TransferButtons transfer={transfer} />}
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
