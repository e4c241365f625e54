/** Where the server is, seen from this page; right below a path of a reverse proxy too. */
export function serverUrl(path: string): URL {
  return new URL(`./${path}`, document.baseURI)
}

export function socketUrl(): string {
  const url = serverUrl('v1/ws')
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
  return url.href
}
