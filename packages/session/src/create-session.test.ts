import { expect, it } from "vitest";
import { createSession } from "./create-session.ts";

it("binds nothing when it shall not listen", async () => {
  const session = await createSession({ listen: false });
  expect(session.port).toBe(0);
  expect(session.addresses).toEqual([]);
  await session.close();
});

it("listens on every address by default, and at one alone if told so", async () => {
  const everywhere = await createSession({ port: 0 });
  expect(everywhere.addresses[0]?.address).toMatch(/^(::|0\.0\.0\.0)$/);
  expect(everywhere.port).toBeGreaterThan(0);
  const { port } = everywhere;
  await expect(createSession({ port })).rejects.toMatchObject({ code: "ERR_NET_ADDRESS_IN_USE" });
  await everywhere.close();
  const local = await createSession({ address: "127.0.0.1", port });
  expect(local.addresses).toEqual([{ address: "127.0.0.1", port }]);
  await local.close();
});
