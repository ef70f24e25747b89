import { render } from "preact";
import { App } from "./app";
import { followHistory } from "./router";
import { startClient } from "./state/client";
import { startAnnouncing } from "./state/discovery";
import { followEmbedder } from "./state/embedding";
import { startRinging } from "./state/ringing";
import { declareLanguage } from "./text/text";
import "./style/index.css";

declareLanguage();
followHistory();
startClient();
startAnnouncing();
startRinging();
followEmbedder();

const root = document.getElementById("app");
if (root !== null) render(<App />, root);
