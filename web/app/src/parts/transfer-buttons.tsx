import type { ComponentChildren, JSX } from "preact";
import type { ShownTransfer } from "../state/shown-transfer";
import { hasArrived, isOver } from "../state/transfer-view";
import { dismiss } from "../state/transfers";
import { t } from "../text/text";
import { CloseIcon, SaveIcon } from "./icons";

/** What can be done with a transfer as it stands. */
export function TransferButtons({ transfer }: { transfer: ShownTransfer }): JSX.Element {
  const view = transfer.view.value;
  if (view.incoming && view.state === "offered") return <Answer transfer={transfer} />;
  if (!isOver(view)) {
    return (
      <div class="transfer-buttons">
        <Button transfer={transfer} act={() => transfer.cancel()}>
          {t("files.cancel")}
        </Button>
      </div>
    );
  }
  if (hasArrived(view, transfer)) return <Arrived transfer={transfer} saved={view.saved === "downloaded" || view.saved === "written"} />;
  return <Dismiss transfer={transfer} />;
}

function Answer({ transfer }: { transfer: ShownTransfer }): JSX.Element {
  return (
    <div class="transfer-buttons">
      <Button transfer={transfer} act={() => transfer.decline()}>
        {t("files.decline")}
      </Button>
      <Button transfer={transfer} primary act={() => transfer.accept()}>
        {t("files.accept")}
      </Button>
    </div>
  );
}

/** What is saved can be saved again, and closed; closing what is not saved would lose it, and says so. */
function Arrived({ transfer, saved }: { transfer: ShownTransfer; saved: boolean }): JSX.Element {
  return (
    <>
      <div class="transfer-buttons">
        {!saved && (
          <Button transfer={transfer} act={() => dismiss(transfer)}>
            {t("files.discard")}
          </Button>
        )}
        <Button transfer={transfer} primary={!saved} act={() => void transfer.save()}>
          {!saved && <SaveIcon />}
          {t("files.save")}
        </Button>
      </div>
      {saved && <Dismiss transfer={transfer} />}
    </>
  );
}

function Dismiss({ transfer }: { transfer: ShownTransfer }): JSX.Element {
  return (
    <button type="button" class="plain transfer-dismiss" aria-label={t("files.dismiss", { what: transfer.name })} onClick={() => dismiss(transfer)}>
      <CloseIcon />
    </button>
  );
}

interface ButtonProps {
  readonly transfer: ShownTransfer;
  readonly primary?: boolean;
  readonly act: () => void;
  readonly children: ComponentChildren;
}

/** There may be several of one name: what it is about is told with it. */
function Button({ transfer, primary = false, act, children }: ButtonProps): JSX.Element {
  return (
    <button type="button" class={`button small ${primary ? "primary" : "quiet"}`} aria-describedby={`transfer-${transfer.key}`} onClick={act}>
      {children}
    </button>
  );
}
