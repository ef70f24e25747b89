import { beforeEach, expect, it, vi } from "vitest";
import type { IncomingTransfer, Transfer, TransferState } from "../../src/index.js";
import { FakePage, type FakePeer } from "../fakes/transfer-peers.js";
import { content, digestsOf, WAIT } from "./world.js";

let ada: FakePage;
let bob: FakePage;

const CONTENTS = [content(1, 3 << 20), content(2, 100), content(3, 0)];

function files(contents = CONTENTS): File[] {
  return contents.map((bytes, index) => new File([bytes], `file ${index}.bin`, { lastModified: 1_790_000_000_000 }));
}

beforeEach(() => {
  [ada, bob] = [new FakePage(), new FakePage()];
  ada.meet(bob);
});

async function becomes(transfer: Transfer | undefined, state: TransferState): Promise<void> {
  await vi.waitFor(() => expect(transfer?.state).toBe(state), WAIT);
}

/** The offer that came as number `count`. */
async function offer(page: FakePage, count = 1): Promise<IncomingTransfer> {
  await vi.waitFor(() => expect(page.offers).toHaveLength(count), WAIT);
  return page.offers[count - 1] as IncomingTransfer;
}

async function received(transfer: IncomingTransfer): Promise<string[]> {
  const contents = await Promise.all(transfer.files.map(async (_, index) => new Uint8Array(await (await transfer.content(index)).arrayBuffer())));
  return digestsOf(contents);
}

/** How many bytes of files went to a participant, over all data channels. */
function payload(peer: unknown): number {
  const sent = (peer as FakePeer).channels.flatMap((channel) => channel.sent);
  return sent.reduce((sum, message) => sum + (typeof message === "string" ? 0 : message.length), 0);
}

it("offers files, and gives them to who accepts", async () => {
  const outgoing = ada.transfers.send(ada.sees(bob), files());
  const incoming = await offer(bob);
  expect([outgoing.state, incoming.state, incoming.id]).toEqual(["offered", "offered", outgoing.id]);
  expect(incoming.files).toEqual([
    { path: "file 0.bin", size: 3 << 20, modified: 1_790_000_000_000 },
    { path: "file 1.bin", size: 100, modified: 1_790_000_000_000 },
    { path: "file 2.bin", size: 0, modified: 1_790_000_000_000 },
  ]);
  await incoming.accept();
  await Promise.all([becomes(outgoing, "completed"), becomes(incoming, "completed")]);
  expect(await received(incoming)).toEqual(digestsOf(CONTENTS));
  expect(outgoing.progress).toEqual({ files: 3, bytes: outgoing.bytes, kept: 0 });
  expect(incoming.progress).toEqual({ files: 3, bytes: incoming.bytes, kept: 0 });
  await incoming.remove();
  expect(bob.browser.stores.size).toBe(0);
});

it("keeps a folder's paths, and tells files of one name apart", async () => {
  const chosen = ["photos/a.txt", "a.tar.gz", "a.tar.gz", "con.txt", "what?"].map((path) => ({ file: new File(["x"], "x"), path }));
  const transfer = ada.transfers.send(ada.sees(bob), chosen);
  expect(transfer.files.map(({ path }) => path)).toEqual(["photos/a.txt", "a.tar.gz", "a.tar (2).gz", "_con.txt", "what_"]);
});

it("has nothing to offer without files", () => {
  expect(() => ada.transfers.send(ada.sees(bob), [])).toThrow(RangeError);
});

it("is over for both when it is declined", async () => {
  const outgoing = ada.transfers.send(ada.sees(bob), files());
  const incoming = await offer(bob);
  incoming.decline();
  await Promise.all([becomes(outgoing, "declined"), becomes(incoming, "declined")]);
  expect([outgoing.reason, incoming.reason]).toEqual(["declined", "declined"]);
});

it("is declined where there is no room", async () => {
  const open = bob.browser.open.bind(bob.browser);
  bob.browser.open = async (digest) => Object.assign(await open(digest), { space: 1000 });
  const outgoing = ada.transfers.send(ada.sees(bob), files());
  await (await offer(bob)).accept();
  await becomes(outgoing, "declined");
  expect(outgoing.reason).toBe("no_space");
  await vi.waitFor(() => expect(bob.browser.stores.size).toBe(0), WAIT);
});

it("waits for somebody who isn't connected", async () => {
  const peer = ada.peers[0] as FakePeer;
  peer.disconnect();
  const outgoing = ada.transfers.send(ada.sees(bob), files());
  expect([outgoing.state, bob.offers.length]).toEqual(["offered", 0]);
  peer.reconnect();
  await (await offer(bob)).accept();
  await becomes(outgoing, "completed");
});

/** Breaks the connection when about a MiB has gone to the other page. */
async function breakInTheMiddle(peer: FakePeer): Promise<void> {
  const channel = peer.channels.at(-1)!;
  channel.breaksAfter = 1.5 * (1 << 20);
  await vi.waitFor(() => expect(channel.readyState).toBe("closed"), WAIT);
}

it("goes on by itself after a broken connection, without asking again", async () => {
  const outgoing = ada.transfers.send(ada.sees(bob), files());
  const incoming = await offer(bob);
  const peer = ada.peers[0] as FakePeer;
  const broken = breakInTheMiddle(peer);
  await incoming.accept();
  await broken;
  peer.disconnect();
  await Promise.all([becomes(outgoing, "waiting"), becomes(incoming, "waiting")]);
  const before = payload(peer);
  peer.reconnect();
  await Promise.all([becomes(outgoing, "completed"), becomes(incoming, "completed")]);
  expect(bob.offers).toHaveLength(1);
  expect(await received(incoming)).toEqual(digestsOf(CONTENTS));
  expect(payload(peer) - before).toBeLessThan(2.1 * (1 << 20));
});

it("goes on when the receiver's page was loaded again", async () => {
  const outgoing = ada.transfers.send(ada.sees(bob), files());
  const incoming = await offer(bob);
  const peer = ada.peers[0] as FakePeer;
  const broken = breakInTheMiddle(peer);
  await incoming.accept();
  await broken;
  bob.leave();
  await becomes(outgoing, "waiting");
  // What the page held is gone with it.
  await vi.waitFor(() => expect(incoming.state).toBe("waiting"), WAIT);
  for (const store of bob.browser.stores.values()) store.used = false;

  const again = new FakePage(bob.browser);
  again.meet(ada);
  const resumed = await offer(again);
  expect(resumed.state).toBe("running");
  await Promise.all([becomes(outgoing, "completed"), becomes(resumed, "completed")]);
  expect(outgoing.participant.id).toBe(again.id);
  expect(await received(resumed)).toEqual(digestsOf(CONTENTS));
  expect(payload(ada.peers[0])).toBeLessThan(2.1 * (1 << 20));
});

it("goes on when the sender's page was loaded again and the same files were chosen: that is another offer, to be accepted", async () => {
  ada.transfers.send(ada.sees(bob), files());
  const incoming = await offer(bob);
  const broken = breakInTheMiddle(ada.peers[0] as FakePeer);
  await incoming.accept();
  await broken;
  ada.leave();
  await becomes(incoming, "waiting");

  const again = new FakePage(ada.browser);
  again.meet(bob);
  const outgoing = again.transfers.send(again.sees(bob), files());
  await becomes(incoming, "offered");
  expect([incoming.id, incoming.participant.id, bob.offers.length]).toEqual([outgoing.id, again.id, 1]);
  await incoming.accept();
  await Promise.all([becomes(outgoing, "completed"), becomes(incoming, "completed")]);
  expect(await received(incoming)).toEqual(digestsOf(CONTENTS));
  expect(payload(again.peers[0])).toBeLessThan(2.1 * (1 << 20));
});

it("asks again when other files come under the name of a transfer that was accepted", async () => {
  const outgoing = ada.transfers.send(ada.sees(bob), files());
  await (await offer(bob)).accept();
  await becomes(outgoing, "completed");
  const channel = (ada.peers[0] as FakePeer).openTransferChannel().channel;
  channel.send(JSON.stringify({ type: "offer", transfer: outgoing.id, files: 1, bytes: 5, chunk: 1 << 20 }));
  channel.send(JSON.stringify({ type: "files", files: [{ path: "other", size: 5 }] }));
  expect((await offer(bob, 2)).state).toBe("offered");
});

/** Somebody else, who knows the name of a transfer and offers the same files under it. */
function repeatOffer(somebody: FakePage, { id, files, bytes }: Transfer): void {
  const { channel } = somebody.sees(bob).openTransferChannel();
  channel.send(JSON.stringify({ type: "offer", transfer: id, files: files.length, bytes, chunk: 1 << 20 }));
  channel.send(JSON.stringify({ type: "files", files }));
}

it.each<TransferState>(["offered", "running", "waiting"])("asks about somebody else's offer under the name of a transfer that is %s, which goes on", async (state) => {
  const mallory = new FakePage();
  mallory.meet(bob);
  const outgoing = ada.transfers.send(ada.sees(bob), files());
  const incoming = await offer(bob);
  const peer = ada.peers[0] as FakePeer;
  const broken = state === "waiting" ? breakInTheMiddle(peer) : undefined;
  if (state !== "offered") void incoming.accept();
  await broken;
  if (broken) peer.disconnect();
  await becomes(incoming, state);
  repeatOffer(mallory, outgoing);
  const other = await offer(bob, 2);
  expect([other.state, other.participant, incoming.participant]).toEqual(["offered", bob.sees(mallory), bob.sees(ada)]);
  expect(other).not.toBe(incoming);
  other.decline();
  if (broken) peer.reconnect();
  if (state === "offered") await incoming.accept();
  await Promise.all([becomes(outgoing, "completed"), becomes(incoming, "completed")]);
  expect(await received(incoming)).toEqual(digestsOf(CONTENTS));
  expect(bob.offers).toHaveLength(2);
});

it("asks a page that was loaded again about somebody else's offer under the name of a transfer that was accepted", async () => {
  const outgoing = ada.transfers.send(ada.sees(bob), files());
  const incoming = await offer(bob);
  const broken = breakInTheMiddle(ada.peers[0] as FakePeer);
  await incoming.accept();
  await broken;
  bob.leave();
  await becomes(incoming, "waiting");
  for (const store of bob.browser.stores.values()) store.used = false;

  bob = new FakePage(bob.browser);
  const mallory = new FakePage();
  mallory.meet(bob);
  repeatOffer(mallory, outgoing);
  expect((await offer(bob)).state).toBe("offered");
  bob.meet(ada);
  expect((await offer(bob, 2)).state).toBe("running");
  await becomes(outgoing, "completed");
});

it("asks a page that was loaded again about everybody without an identity", async () => {
  const mallory = new FakePage();
  ada = new FakePage();
  for (const page of [ada, mallory]) page.browser.identity = undefined;
  ada.meet(bob);
  const outgoing = ada.transfers.send(ada.sees(bob), files());
  await (await offer(bob)).accept();
  await becomes(outgoing, "completed");
  bob = new FakePage(bob.browser);
  mallory.meet(bob);
  repeatOffer(mallory, outgoing);
  expect((await offer(bob)).state).toBe("offered");
});

it("notes the transfer that was accepted, not another one that is offered while the store opens", async () => {
  const open = bob.browser.open.bind(bob.browser);
  let go = () => {};
  const gone = new Promise<void>((resolve) => (go = resolve));
  bob.browser.open = (digest) => gone.then(() => open(digest));
  const { id } = ada.transfers.send(ada.sees(bob), files());
  const incoming = await offer(bob);
  const accepting = incoming.accept();
  ada.leave();
  await becomes(incoming, "waiting");
  const again = new FakePage(ada.browser);
  again.meet(bob);
  again.transfers.send(again.sees(bob), files());
  await becomes(incoming, "offered");
  go();
  await accepting;
  expect([...bob.browser.stores.values()].map(({ accepted }) => accepted)).toEqual([`${id} ${ada.browser.identity}`]);
  expect(incoming.state).toBe("offered");
});

it("takes another page of the same person for nobody who has asked for the files", async () => {
  const tab = new FakePage(bob.browser);
  tab.meet(ada);
  const outgoing = ada.transfers.send(ada.sees(bob), files());
  await offer(bob);
  bob.leave();
  ada.transfers.update();
  expect([outgoing.state, tab.offers.length]).toEqual(["offered", 0]);
});

it("removes what has come when the receiver stops it, and keeps it when the sender does", async () => {
  for (const side of ["receiver", "sender"]) {
    const count = bob.offers.length + 1;
    const outgoing = ada.transfers.send(ada.sees(bob), files());
    const incoming = await offer(bob, count);
    await incoming.accept();
    const [here, there] = side === "sender" ? [outgoing, incoming] : [incoming, outgoing];
    here.cancel();
    await Promise.all([becomes(here, "cancelled"), becomes(there, "cancelled")]);
    expect([here.reason, there.reason]).toEqual(["here", "there"]);
    await vi.waitFor(() => expect([...bob.browser.stores.values()].map(({ used }) => used)).toEqual(side === "sender" ? [false] : []), WAIT);
  }
});

it("can be stopped while the other side is away", async () => {
  const outgoing = ada.transfers.send(ada.sees(bob), files());
  const incoming = await offer(bob);
  (ada.peers[0] as FakePeer).disconnect();
  await incoming.accept();
  expect(incoming.state).toBe("waiting");
  outgoing.cancel();
  incoming.cancel();
  expect([outgoing.state, incoming.state]).toEqual(["cancelled", "cancelled"]);
  await vi.waitFor(() => expect(bob.browser.stores.size).toBe(0), WAIT);
});

it("tells the 17th offer that it is busy, and doesn't listen to the 33rd", async () => {
  const sent = Array.from({ length: 17 }, (_, index) => ada.transfers.send(ada.sees(bob), files([content(index, index)])));
  await becomes(sent[16], "declined");
  expect([sent[16]?.reason, bob.offers.length]).toEqual(["busy", 16]);
  const peer = ada.peers[0] as FakePeer;
  for (let count = 0; count < 17; count++) peer.openTransferChannel();
  expect(peer.channels.slice(17).map(({ readyState }) => readyState)).toEqual([...Array(16).fill("open"), "closed"]);
});

it("ends with the channel, and lets the other side's go on another time", async () => {
  const outgoing = ada.transfers.send(ada.sees(bob), files());
  const incoming = await offer(bob);
  await incoming.accept();
  bob.transfers.close();
  expect([incoming.state, incoming.reason]).toEqual(["failed", "closed"]);
  await becomes(outgoing, "waiting");
  await vi.waitFor(() => expect([...bob.browser.stores.values()].map(({ used }) => used)).toEqual([false]), WAIT);
});
