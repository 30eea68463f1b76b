; Low drawdown: whatever has hurt least lately
;
; What it does     Ranks three defensive portfolios by the deepest fall that following each would
;                  have meant over 40 sessions, and puts 70 % into the shallowest. The rest follows
;                  the width of the market's price range: while it contracts a broad fund, while
;                  it widens short bonds.
; Why it may work  Drawdowns cluster: what is falling tends to be what falls next. Capital that is
;                  not lost need not be won back, and the low-risk end of the market has earned
;                  more per unit of risk than theory gives it.
; What hurts it    Rebounds: it holds the calmest thing when the hurt ones recover. Crowded
;                  defensive shares at a high price fall like any other.
; Cadence          weekly: trades on the first session of each week only
; Shows            max-drawdown in a filter over groups and over assets (a positive percentage, so
;                  select-bottom takes the shallowest), stdev-price of two windows, weekly header

(defsymphony
 "Low drawdown selector"
 {:asset-class "EQUITIES", :rebalance-frequency :weekly}
 (weight-specified
  0.7
  (group
   "Shallowest defence"
   [(weight-equal
     [(filter
       (max-drawdown {:window 40})
       (select-bottom 1)
       [(group
         "Staples and health"
         [(weight-equal
           [(filter
             (max-drawdown {:window 60})
             (select-bottom 3)
             [(asset "XLP" "Consumer Staples Select Sector SPDR Fund")
              (asset "XLV" "Health Care Select Sector SPDR Fund")
              (asset "JNJ" "Johnson & Johnson")
              (asset "PG" "Procter & Gamble")
              (asset "KO" "Coca-Cola")
              (asset "WMT" "Walmart")
              (asset "LLY" "Eli Lilly")])])])
        (group
         "Value and utilities"
         [(weight-inverse-volatility
           40
           [(asset "VTV" "Vanguard Value ETF")
            (asset "XLU" "Utilities Select Sector SPDR Fund")
            (asset "DIA" "SPDR Dow Jones Industrial Average ETF")])])
        (group
         "Shares with a counterweight"
         [(weight-specified
           0.5
           (asset "SPY" "SPDR S&P 500 ETF Trust")
           0.25
           (filter
            (moving-average-return {:window 40})
            (select-top 1)
            [(asset "IEF" "iShares 7-10 Year Treasury Bond ETF")
             (asset "GLD" "SPDR Gold Shares")
             (asset "UUP" "Invesco DB US Dollar Index Bullish Fund")])
           0.25
           (asset "SHY" "iShares 1-3 Year Treasury Bond ETF"))])])])])
  0.3
  (group
   "Range of the market"
   [(weight-equal
     [(if
       ; In dollars, but both sides are the same fund, so its price level does not matter.
       (< (stdev-price "SPY" {:window 10}) (stdev-price "SPY" {:window 40}))
       [(filter
         (stdev-return {:window 30})
         (select-bottom 2)
         [(asset "VTI" "Vanguard Total Stock Market ETF")
          (asset "VTV" "Vanguard Value ETF")
          (asset "XLP" "Consumer Staples Select Sector SPDR Fund")
          (asset "DIA" "SPDR Dow Jones Industrial Average ETF")])]
       [(if
         (> (cumulative-return "IEF" {:window 20}) (cumulative-return "SHY" {:window 20}))
         [(asset "IEF" "iShares 7-10 Year Treasury Bond ETF")]
         [(asset "SHY" "iShares 1-3 Year Treasury Bond ETF")])])])])))
