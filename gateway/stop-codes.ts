import type { Campaign } from '../model/bid.ts'

/**
 * Whether this final status of a buyer ends the call instead of having the next award rung: what its campaign says, or, where it
 * says nothing, the operator. By default no status does: one buyer's 603 says nothing about another buyer.
 */
export function stopsAt(status: number | null, campaign: Campaign | undefined, byDefault: readonly number[]): boolean {
  return status !== null && (campaign?.stopCodes ?? byDefault).includes(status)
}
