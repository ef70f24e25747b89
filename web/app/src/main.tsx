import { render } from "preact";
import { App } from "./app";
import { followHistory } from "./router";
import { registerServiceWorker } from "./shell/register";
import { startClient } from "./state/client";
import { startAnnouncing } from "./state/discovery";
import { followEmbedder } from "./state/embedding";
import { followNetwork } from "./state/online";
import { startRinging } from "./state/ringing";
import { followVersion } from "./state/version";
import { startLanguage } from "./text/languages";
import "./style/index.css";

followHistory();
startClient();
startAnnouncing();
startRinging();
followEmbedder();
followNetwork();
followVersion();
registerServiceWorker();

await startLanguage();
const root = document.getElementById("app");
root?.replaceChildren();
if (root !== null) render(<App />, root);
