import type { NextConfig } from 'next'

const config: NextConfig = {
  reactStrictMode: true,
  poweredByHeader: false,
  typedRoutes: true,
  // The checkout holds other packages; this one stands alone.
  turbopack: { root: import.meta.dirname },
  // `next dev` and `next build` write no files of their own and ask no server for news.
  agentRules: false,
  experimental: { agentUpgrade: false },
}

export default config
