/** Answers of the HTTP API that the console reads (docs/http.md). */

export interface Status {
  node: string
  version: string
  uptime_seconds: number
  ready: boolean
  connections: number
  sessions: number
  subscriptions: number
  messages_received_total: number
  messages_delivered_total: number
  messages_dropped_total: Record<string, number>
  bytes_received_total: number
  bytes_delivered_total: number
  backplane: { kind: string; state: string }
  memory_bytes: number
}

export interface ConnectionRow {
  session: string
  user: string | null
  name: string
  link: string
  codec: string
  address: string | null
  connected_ms_ago: number
  attached: boolean
  subscriptions: number
  pending_messages: number
  pending_bytes: number
  received_messages: number
  delivered_messages: number
}

export interface ConnectionPage {
  connections: ConnectionRow[]
  total: number
  next: number | string | null
}

export interface ConnectionWhole extends ConnectionRow {
  subscription_list: { sid: number; pattern: string; queue: string | null }[]
}

export interface Published {
  accepted: number
  results: { subject: string; ok: boolean; code?: number; reason?: string; message?: string }[]
}
