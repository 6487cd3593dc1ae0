"""Text formats for durations, timestamps and numbers on pages."""

from datetime import timedelta

from workflow import timestamps


def format_duration(seconds: float) -> str:
    """Format a duration: 2.8 s, 7 min, 3 h 20 min, 2 d 4 h."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    rounded = timedelta(seconds=round(seconds))
    hours, minutes = divmod(rounded.seconds // 60, 60)
    if rounded.days:
        return f"{rounded.days} d {hours} h" if hours else f"{rounded.days} d"
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{minutes} min"


def format_precise_duration(seconds: float) -> str:
    """Format a duration; below one second in milliseconds."""
    return f"{round(seconds * 1000)} ms" if seconds < 1 else format_duration(seconds)


def format_timestamp(at: str) -> str:
    """Format a UTC timestamp to the second: 2026-01-31 10:00:00."""
    return at[:19].replace("T", " ")


def format_elapsed(at: str) -> str:
    """Format the time that has passed since a timestamp."""
    return format_duration(max(0.0, timestamps.seconds_between(at, timestamps.now())))


def format_countdown(at: str) -> str:
    """Format the time left until a timestamp as minutes and seconds: 4:05."""
    seconds = max(0, round(timestamps.seconds_between(timestamps.now(), at)))
    return f"{seconds // 60}:{seconds % 60:02}"


def format_percent(share: float) -> str:
    """Format a share (0 to 1): 61.3 %, 80 %."""
    return f"{share:.1%}".replace(".0%", "%").replace("%", " %")


def format_thousands(number: int) -> str:
    """Format a number with separators: 12,345."""
    return f"{number:,}"


def format_coordinate(value: float) -> str:
    """Format an SVG coordinate with at most two decimals: 12.5, 7, 0.33."""
    return f"{value:.2f}".rstrip("0").rstrip(".")
