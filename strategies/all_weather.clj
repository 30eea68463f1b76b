; All weather: equal risk in shares, bonds and real assets
;
; What it does     Three sleeves, each balanced inside by inverse volatility, then balanced against
;                  each other by the volatility of the sleeve as a whole. When shares have fallen
;                  more than 12 % within a quarter, emerging markets and small companies leave the
;                  share sleeve until the fall is mended.
; Why it may work  Growth and inflation surprise in both directions, and each sleeve has the one it
;                  likes. Sizing by risk instead of by money stops shares from deciding everything.
; What hurts it    Shares and bonds falling together, as in 2022: balance is no hedge against
;                  rising real interest rates. In a long bull market it lags shares badly.
; Cadence          monthly: trades on the first session of each month only
; Shows            weight-inverse-volatility over groups (a sleeve counts by its own past returns,
;                  not by its members'), the monthly header, weight-specified

(defsymphony
 "All weather"
 {:asset-class "EQUITIES", :rebalance-frequency :monthly}
 (weight-inverse-volatility
  60
  [(group
    "Shares"
    [(weight-equal
      [(if
        (> (max-drawdown "VTI" {:window 63}) 12)
        [(group
          "Shares, narrowed"
          [(weight-specified
            0.7
            (asset "VTI" "Vanguard Total Stock Market ETF")
            0.3
            (asset "EFA" "iShares MSCI EAFE ETF"))])]
        [(group
          "Shares, world wide"
          [(weight-inverse-volatility
            60
            [(asset "VTI" "Vanguard Total Stock Market ETF")
             (asset "EFA" "iShares MSCI EAFE ETF")
             (asset "EEM" "iShares MSCI Emerging Markets ETF")
             (asset "IWM" "iShares Russell 2000 ETF")])])])])])
   (group
    "Bonds"
    [(weight-inverse-volatility
      60
      [(asset "TLT" "iShares 20+ Year Treasury Bond ETF")
       (asset "IEF" "iShares 7-10 Year Treasury Bond ETF")
       (asset "LQD" "iShares iBoxx $ Investment Grade Corporate Bond ETF")])])
   (group
    "Real assets"
    [(weight-inverse-volatility
      60
      [(asset "GLD" "SPDR Gold Shares")
       (asset "TIP" "iShares TIPS Bond ETF")
       (asset "DBC" "Invesco DB Commodity Index Tracking Fund")
       (asset "VNQ" "Vanguard Real Estate ETF")])])]))
