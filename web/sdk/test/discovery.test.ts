import { expect, it, vi } from "vitest";
import { Identity } from "../src/identity.js";
import { type IncomingInvitation, Peerline, type Person } from "../src/index.js";
import { clients, hub, link, SERVER } from "./fakes/call.js";
import { pass, settle } from "./fakes/time.js";

/** Somebody who is findable. */
async function announced(name: string): Promise<Peerline> {
  const peerline = new Peerline({ server: SERVER });
  clients.push(peerline);
  await Promise.all([peerline.announce({ name }), pass(100)]);
  return peerline;
}

/** Somebody's browser dies, and the server notices. */
function vanish({ id }: Peerline): void {
  hub.vanish(id as string);
}

async function meet(): Promise<{ caller: Peerline; invited: Peerline; person: Person; rung: IncomingInvitation[] }> {
  const [caller, invited] = [new Peerline({ server: SERVER }), new Peerline({ server: SERVER })] as const;
  clients.push(caller, invited);
  const rung: IncomingInvitation[] = [];
  invited.addEventListener("invitation", ({ invitation }) => rung.push(invitation));
  await Promise.all([invited.announce({ name: "Bob" }), pass(100)]);
  const people = caller.find("b");
  await pass(100);
  const person = (await people).people[0] as Person;
  return { caller, invited, person, rung };
}

it("finds and rings; the link arrives sealed", async () => {
  const { caller, person, rung } = await meet();
  expect(person).toMatchObject({ name: "Bob", presence: "online" });
  const ringing = caller.invite(person, link, { name: "Ada" });
  await settle();
  expect(rung[0]).toMatchObject({ from: caller.id, name: "Ada", result: undefined });
  expect(rung[0]?.link.href).toBe(link.href);
  expect(JSON.stringify(hub.received)).not.toContain(link.href);
  rung[0]?.accept();
  await expect(ringing.result).resolves.toBe("accepted");
  expect(rung[0]?.result).toBe("accepted");
});

it("stops ringing when the caller cancels", async () => {
  const { caller, person, rung } = await meet();
  const ringing = caller.invite(person, link, { name: "Ada" });
  await settle();
  const ended = vi.fn();
  rung[0]?.addEventListener("ended", ended);
  ringing.cancel();
  await settle();
  expect(ended).toHaveBeenCalledTimes(1);
  expect(rung[0]?.result).toBe("cancelled");
  await expect(ringing.result).resolves.toBe("cancelled");
});

it("rings once connected, when it is asked to before", async () => {
  const { person, rung } = await meet();
  const caller = new Peerline({ server: SERVER });
  clients.push(caller);
  hub.down = true;
  const ended = vi.fn();
  void caller.invite(person, link, { name: "Ada" }).result.then(ended);
  await pass(1000);
  hub.down = false;
  await pass(3000);
  expect([rung.length, ended.mock.calls.length]).toEqual([1, 0]);
  rung[0]?.decline();
  await settle();
  expect(ended).toHaveBeenCalledWith("declined");
});

it("does not ring when it was cancelled before it could", async () => {
  const { caller, person, rung } = await meet();
  const ringing = caller.invite(person, link, { name: "Ada" });
  ringing.cancel();
  await pass(500);
  await expect(ringing.result).resolves.toBe("cancelled");
  expect([rung.length, hub.received.filter(({ type }) => type === "invite").length]).toEqual([0, 0]);
});

it("ends with the client: nobody finds it, nothing rings", async () => {
  const { caller, invited, person, rung } = await meet();
  const ringing = caller.invite(person, link, { name: "Ada" });
  await settle();
  invited.close();
  caller.close();
  await settle();
  await expect(ringing.result).resolves.toBe("gone");
  expect(rung[0]?.result).toBe("gone");
  expect(hub.received.slice(-2).map(({ type }) => type).sort()).toEqual(["cancel", "unannounce"]);
});

it("says when somebody is not there any more", async () => {
  const { caller, person } = await meet();
  const ringing = caller.invite({ ...person, participant: "AAAAAAAAAAAAAAAAAAAAAA" }, link, { name: "Ada" });
  await expect(ringing.result).rejects.toMatchObject({ code: "not_found" });
});

it("is findable again after the server restarted, until one doesn't want it any more", async () => {
  const { caller, invited, person } = await meet();
  hub.restart();
  await pass(1000);
  expect((await caller.find("")).people).toEqual([person]);
  await invited.unannounce();
  hub.restart();
  await pass(1000);
  expect((await caller.find("")).people).toEqual([]);
});

it("finds once who came back after their browser died, and on each device who is on several", async () => {
  const caller = await announced("Ada");
  const found = async () => (await caller.find("")).people.map(({ name, participant, presence }) => [name, participant, presence]);
  const carol = await announced("Carol");
  vanish(carol);
  const others = [["Carol", carol.id, "away"]];
  vi.spyOn(Identity, "load").mockResolvedValue(await Identity.load());
  const lost = await announced("Bob");
  vanish(lost);
  expect(await found()).toEqual([...others, ["Bob", lost.id, "away"]]);
  const back = await announced("Robert");
  expect(await found()).toEqual([...others, ["Robert", back.id, "online"]]);
  const second = await announced("Robert");
  expect(await found()).toEqual([...others, ["Robert", back.id, "online"], ["Robert", second.id, "online"]]);
});

it("says whether those who were found are all, whoever is left out of them", async () => {
  const caller = await announced("Ada");
  vi.spyOn(Identity, "load").mockResolvedValue(await Identity.load());
  vanish(await announced("Bob"));
  for (let other = 0; other < 48; other++) await announced("Bob");
  const found = async () => {
    const { people, isComplete } = await caller.find("");
    return [people.length, isComplete];
  };
  expect(await found()).toEqual([48, true]);
  await announced("Bob");
  expect(await found()).toEqual([49, false]);
});
