import { z } from 'zod'
import type { Reachability } from '../model/reachability.ts'

/** Whether a target or trunk answers, as far as OPTIONS and calls have shown. */
export const ReachAnswer = z
  .strictObject({
    state: z.enum(['up', 'down', 'unknown']),
    since: z.string().nullable(),
    last_status: z.int().nullable(),
  })
  .meta({ description: 'Whether it answers: learned from OPTIONS and from calls. Unknown counts as up.' })

export const printReach = ({ state, since, lastStatus }: Reachability): z.input<typeof ReachAnswer> => ({
  state,
  since: since?.toISOString() ?? null,
  last_status: lastStatus,
})
