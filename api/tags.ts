import { z } from 'zod'
import { tagKey } from './criteria.ts'
import * as s from './schemas.ts'

const MAX_TAGS = 50

/** What is said of a call besides its vertical, by name. */
export const tags = z
  .record(tagKey, s.text(256))
  .refine((value) => Object.keys(value).length <= MAX_TAGS, { error: `must be at most ${MAX_TAGS} tags` })
