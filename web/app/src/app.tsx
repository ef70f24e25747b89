import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { Notices } from "./parts/notices";
import { RingDialogs } from "./parts/ring-dialogs";
import { route } from "./router";
import { toLobby } from "./state/call";
import { phase } from "./state/model";
import { callViews } from "./views/call-views";
import { CheckPlace } from "./views/check-place";
import { LobbyView } from "./views/lobby";
import { ProblemView } from "./views/problem";
import { StartView } from "./views/start";

/** The whole app: the view that the address and the state of the call ask for, and what lies over it. */
export function App(): JSX.Element {
  return (
    <>
      <View />
      <RingDialogs />
      <Notices />
    </>
  );
}

function View(): JSX.Element {
  const place = route.value;
  if (typeof RTCPeerConnection === "undefined" || crypto.subtle === undefined) {
    return <ProblemView text="error.unsupported" />;
  }
  switch (place.view) {
    case "start":
      return <StartView />;
    case "invalid":
      return <ProblemView text="error.invalid-link" />;
    case "check":
      return <CheckPlace />;
    case "channel":
      return <ChannelView key={place.link} link={place.link} />;
  }
}

/** The views of one link. Another address ends the call. */
function ChannelView({ link }: { link: string }): JSX.Element {
  useEffect(() => toLobby, []);
  const views = callViews.value;
  switch (phase.value) {
    case "lobby":
    case "joining":
      return <LobbyView link={link} />;
    case "call":
      return views === null ? <LobbyView link={link} /> : <views.CallView link={link} />;
    case "left":
      return views === null ? <LobbyView link={link} /> : <views.LeftView />;
  }
}
