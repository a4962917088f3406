import assert from 'node:assert/strict'
import type { ApiHarness, Person, Reply } from './api-harness.ts'

type Json = Record<string, unknown>

/** The answer is 422 with this pointer first. */
export function assertFault(reply: Reply, pointer: string, code?: string): void {
  assert.equal(reply.status, 422, JSON.stringify(reply.body))
  assert.equal(reply.body.errors[0].pointer, pointer, JSON.stringify(reply.body))
  if (code) assert.equal(reply.body.errors[0].code, code)
}

/** Each wrong value in place of a good one is refused, at its pointer. */
export async function refusesEach(
  api: ApiHarness,
  { token }: Person,
  path: string,
  good: Json,
  wrong: Readonly<Record<string, readonly unknown[]>>,
): Promise<void> {
  for (const [field, values] of Object.entries(wrong)) {
    for (const value of values) {
      const reply = await api.request('POST', path, { token, json: { ...good, [field]: value } })
      const said = `${field}: ${JSON.stringify(value)} → ${JSON.stringify(reply.body)}`
      assert.equal(reply.status, 422, said)
      assert.ok(String(reply.body.errors[0].pointer).startsWith(`/${field}`), said)
    }
  }
}
