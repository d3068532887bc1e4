//! What a number is for.

use super::{Quantity, Said, words};

/// What a number at this place should be.
pub(in crate::generate) fn of_number(said: &Said<'_>) -> Quantity {
    let name = words(said.name);
    let head = name.last().map_or("", String::as_str);
    let names = |end: &str| said.name.ends_with(end);
    let any = |options: &[&str]| name.iter().any(|word| options.contains(&word.as_str()));
    let says = |options: &[&str]| options.iter().any(|text| said.about.contains(text));
    match head {
        "id" | "ids" | "number" | "no" => Quantity::Id,
        "lat" | "latitude" => Quantity::Latitude,
        "lon" | "lng" | "long" | "longitude" => Quantity::Longitude,
        "port" => Quantity::Port,
        "year" => Quantity::Year,
        "month" => Quantity::Month,
        "day" => Quantity::Day,
        "hour" => Quantity::Hour,
        "percent" | "percentage" => Quantity::Percent,
        "temperature" | "probability" | "ratio" | "threshold" | "opacity" | "confidence"
        | "score" => Quantity::Ratio,
        "offset" | "skip" | "cursor" => Quantity::Offset,
        "amount" | "price" | "total" | "cost" | "balance" if !says(&["number of"]) => {
            Quantity::Money
        }
        "timestamp" | "epoch" | "ts" => {
            if says(&["milli", "ms"]) {
                Quantity::Millis
            } else {
                Quantity::Seconds
            }
        }
        "timeout" | "delay" | "duration" | "wait" | "interval" | "sleep" | "steps" | "time"
        | "ms" | "seconds" | "minutes" | "retries" | "attempts" => Quantity::Effort,
        _ if any(&["timeout", "delay", "duration", "wait", "sleep"]) => Quantity::Effort,
        _ if says(&[
            "to wait",
            "to sleep",
            "timeout",
            "in seconds",
            "in milliseconds",
        ]) =>
        {
            Quantity::Effort
        }
        _ if any(&[
            "row",
            "col",
            "radius",
            "limit",
            "page",
            "pages",
            "count",
            "size",
            "max",
            "min",
            "top",
            "depth",
            "per",
            "num",
            "hops",
            "width",
            "height",
            "lines",
            "line",
            "head",
            "tail",
            "first",
            "last",
            "quantity",
            "priority",
            "position",
            "index",
            "level",
            "days",
            "hours",
            "weeks",
            "months",
            "n",
            "k",
            "results",
            "items",
            "rows",
            "columns",
            "concurrency",
            "batch",
        ]) =>
        {
            Quantity::Small
        }
        _ if says(&["unix timestamp", "epoch"]) => Quantity::Seconds,
        _ if says(&[
            "number of",
            "maximum",
            "how many",
            "limit",
            "default: ",
            "per page",
            "(1-",
            "between 1",
        ]) =>
        {
            Quantity::Small
        }
        _ if names("id") || names("Id") => Quantity::Id,
        _ => Quantity::Distinct,
    }
}
