import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Alarm, createRng, Deadlines, shuffle } from "./index.ts";

describe("Deadlines", () => {
  it("rings what is due, earliest first, equal times in the order of setting", () => {
    const deadlines = new Deadlines();
    const rung: string[] = [];
    const times: [string, number][] = [
      ["c", 30],
      ["a", 10],
      ["b1", 20],
      ["b2", 20],
      ["d", 40],
    ];
    for (const [name, at] of times) deadlines.alarm((now) => rung.push(`${name}@${now}`)).set(at);
    expect(deadlines.nextDeadline()).toBe(10);
    deadlines.advance(9);
    expect(rung).toEqual([]);
    deadlines.advance(30);
    expect(rung).toEqual(["a@30", "b1@30", "b2@30", "c@30"]);
    expect(deadlines.nextDeadline()).toBe(40);
    expect(deadlines.size).toBe(1);
  });

  it("rings once for each setting", () => {
    const deadlines = new Deadlines();
    let rung = 0;
    const alarm = deadlines.alarm(() => rung++);
    alarm.set(5);
    alarm.set(7);
    expect(deadlines.size).toBe(1);
    deadlines.advance(6);
    expect(rung).toBe(0);
    deadlines.advance(8);
    deadlines.advance(9);
    expect(rung).toBe(1);
    expect(alarm.isSet).toBe(false);
    expect(alarm.at).toBe(Number.POSITIVE_INFINITY);
    expect(deadlines.nextDeadline()).toBe(undefined);
  });

  it("lets an alarm set itself again without holding the loop", () => {
    const deadlines = new Deadlines();
    let rung = 0;
    const alarm = deadlines.alarm(() => {
      rung++;
      alarm.set(0);
    });
    alarm.set(0);
    deadlines.advance(100);
    expect(rung).toBe(1);
    deadlines.advance(100);
    expect(rung).toBe(2);
  });

  it("does not ring an alarm that another one cleared in the same moment", () => {
    const deadlines = new Deadlines();
    let rung = 0;
    const first = deadlines.alarm(() => {
      expect(second.isSet).toBe(true);
      second.clear();
      expect(second.isSet).toBe(false);
    });
    const second = deadlines.alarm(() => rung++);
    first.set(1);
    second.set(2);
    deadlines.advance(5);
    expect(rung).toBe(0);
    deadlines.advance(10);
    expect(rung).toBe(0);
  });

  it("rings an alarm only at its new time when another one moved it in the same moment", () => {
    const deadlines = new Deadlines();
    const rung: number[] = [];
    const first = deadlines.alarm(() => second.set(20));
    const second = deadlines.alarm((now) => rung.push(now));
    first.set(1);
    second.set(2);
    deadlines.advance(5);
    expect(rung).toEqual([]);
    deadlines.advance(20);
    expect(rung).toEqual([20]);
  });

  it("keeps a due alarm due when another one asks for it to ring no later than then", () => {
    const deadlines = new Deadlines();
    const rung: number[] = [];
    const first = deadlines.alarm((now) => second.setEarlier(now + 100));
    const second = deadlines.alarm((now) => rung.push(now));
    first.set(1);
    second.set(2);
    deadlines.advance(5);
    expect(rung).toEqual([5]);
  });

  it("setEarlier only ever moves towards now", () => {
    const deadlines = new Deadlines();
    const alarm = deadlines.alarm(() => {});
    alarm.setEarlier(10);
    alarm.setEarlier(20);
    expect(alarm.at).toBe(10);
    alarm.setEarlier(5);
    expect(alarm.at).toBe(5);
  });

  it("tells its driver when it must wake earlier, and only then", () => {
    const deadlines = new Deadlines();
    const told: (number | undefined)[] = [];
    deadlines.onEarlier = () => told.push(deadlines.nextDeadline());
    const [a, b] = [deadlines.alarm(() => {}), deadlines.alarm(() => {})];
    a.set(10);
    b.set(20);
    b.set(5);
    b.set(7);
    a.set(7);
    b.clear();
    a.set(30);
    a.clear();
    a.set(99);
    expect(told).toEqual([10, 5, 99]);
  });

  it("keeps order when alarms are cleared out of the middle", () => {
    const rng = createRng(11);
    for (let round = 0; round < 50; round++) {
      const deadlines = new Deadlines();
      const rung: number[] = [];
      const times = shuffle(
        rng,
        Array.from({ length: 100 }, (_, at) => at),
      );
      const alarms = times.map((at) => {
        const alarm = deadlines.alarm(() => rung.push(at));
        alarm.set(at);
        return alarm;
      });
      const kept = alarms.filter(() => rng() < 0.5);
      for (const alarm of alarms) if (!kept.includes(alarm)) alarm.clear();
      const expected = kept.map(({ at }) => at).toSorted((a, b) => a - b);
      deadlines.advance(100);
      expect(rung).toEqual(expected);
    }
  });

  it("keeps order under any setting, moving and clearing", () => {
    const operation = fc.tuple(fc.nat(19), fc.nat(50), fc.constantFrom("set", "clear", "advance"));
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 200 }), (operations) => {
        const deadlines = new Deadlines();
        const rung: number[] = [];
        const alarms = Array.from({ length: 20 }, (_, i) => deadlines.alarm(() => rung.push(i)));
        // The model: settings in order, looked through from the start.
        let model: { i: number; at: number }[] = [];
        for (const [i, at, what] of operations) {
          const alarm = alarms[i] as Alarm;
          if (what !== "advance") model = model.filter((entry) => entry.i !== i);
          if (what === "set") {
            alarm.set(at);
            model.push({ i, at });
          } else if (what === "clear") alarm.clear();
          else {
            const due = model.filter((entry) => entry.at <= at).toSorted((a, b) => a.at - b.at);
            model = model.filter((entry) => entry.at > at);
            rung.length = 0;
            deadlines.advance(at);
            expect(rung).toEqual(due.map((entry) => entry.i));
          }
          expect(deadlines.size).toBe(model.length);
          const next = model.length === 0 ? undefined : Math.min(...model.map((entry) => entry.at));
          expect(deadlines.nextDeadline()).toBe(next);
        }
      }),
    );
  });
});
