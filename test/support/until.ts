import assert from 'node:assert/strict'
import { setTimeout as wait } from 'node:timers/promises'

/** Far beyond what anything takes, on a machine that is busy with something else, too. */
const LONG_MS = 30_000

/** Waits until it is so; throws when it takes too long. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + LONG_MS
  while (!(await condition())) {
    assert.ok(Date.now() < deadline, `waited too long for ${condition.toString()}`)
    await wait(10)
  }
}
