/**
 * How well a target's calls have gone, in thousandths: 500 to 1500. It enters the ranking only, never the price a buyer may
 * be charged beyond its bid. Until a target is measured (a later issue: ASR, ACD and PDD by target) it is neutral.
 */
export type QualityThousandths = number

export const NEUTRAL_QUALITY: QualityThousandths = 1000
const LOWEST_QUALITY: QualityThousandths = 500
const HIGHEST_QUALITY: QualityThousandths = 1500

/** The measure as it enters the ranking: whole thousandths within the limits; neutral when there is none. */
export function qualityOf(measured: number | null): QualityThousandths {
  if (measured === null || Number.isNaN(measured)) return NEUTRAL_QUALITY
  return Math.min(HIGHEST_QUALITY, Math.max(LOWEST_QUALITY, Math.round(measured * 1000)))
}
