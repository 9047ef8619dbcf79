// Makes the logs beside it, and what the Java library itself reads in them. To make them anew:
//   java -cp HdrHistogram-2.2.2.jar Golden.java FOLDER
// jhiccup-v0.hlog and jhiccup-v1.hlog are the first lines of logs from the tests of HdrHistogram (public domain).

import java.io.File;
import java.io.PrintStream;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.HdrHistogram.*;

public class Golden {
    public static void main(String[] words) throws Exception {
        String folder = words[0];
        writeIntegers(new File(folder, "java-v2.hlog"));
        writeDoubles(new File(folder, "java-doubles.hlog"));
        try (PrintStream out = new PrintStream(new File(folder, "expected.json"))) {
            String[] names = {"java-v2.hlog", "java-doubles.hlog", "jhiccup-v0.hlog", "jhiccup-v1.hlog"};
            out.println("{");
            for (int i = 0; i < names.length; i++) {
                out.printf("  \"%s\": {%n", names[i]);
                describe(new File(folder, names[i]), out);
                out.println(i + 1 < names.length ? "  }," : "  }");
            }
            out.println("}");
        }
    }

    static void writeIntegers(File file) throws Exception {
        Random random = new Random(7);
        HistogramLogWriter log = new HistogramLogWriter(file);
        log.outputComment("[Made by HdrHistogram 2.2.2]");
        log.outputLogFormatVersion();
        log.outputStartTime(1_700_000_000_000L);
        log.outputBaseTime(1_700_000_000_000L);
        log.setBaseTime(1_700_000_000_000L);
        log.outputLegend();
        for (int second = 0; second < 4; second++) {
            for (String tag : new String[] {null, "push", "read"}) {
                Histogram histogram = new Histogram(3_600_000_000L, tag == null ? 3 : tag.equals("push") ? 2 : 5);
                for (int i = 0; i < 400; i++) {
                    histogram.recordValue(Math.round(Math.exp(5 + 1.5 * random.nextGaussian())));
                }
                histogram.setTag(tag);
                histogram.setStartTimeStamp(1_700_000_000_000L + 1000 * second);
                histogram.setEndTimeStamp(1_700_000_001_000L + 1000 * second);
                log.outputIntervalHistogram(second, second + 1, histogram, 1000.0);
            }
        }
        Histogram huge = new Histogram(3_600_000_000L, 3);
        huge.recordValueWithCount(3_000_000_000L, 1L << 40);
        huge.setTag("huge");
        log.outputIntervalHistogram(4, 5, huge, 1000.0);
        log.close();
    }

    static void writeDoubles(File file) throws Exception {
        Random random = new Random(11);
        HistogramLogWriter log = new HistogramLogWriter(file);
        log.outputLogFormatVersion();
        log.outputLegend();
        for (int second = 0; second < 3; second++) {
            DoubleHistogram histogram = new DoubleHistogram(100_000_000L, 3);
            for (int i = 0; i < 300; i++) {
                histogram.recordValue(Math.exp(-3 + random.nextGaussian()));
            }
            histogram.setStartTimeStamp(1_700_000_000_000L + 1000 * second);
            histogram.setEndTimeStamp(1_700_000_001_000L + 1000 * second);
            log.outputIntervalHistogram(1_700_000_000.0 + second, 1_700_000_001.0 + second, histogram, 1.0);
        }
        log.close();
    }

    static void describe(File file, PrintStream out) throws Exception {
        Map<String, EncodableHistogram> totals = new TreeMap<>();
        Map<String, Integer> intervals = new TreeMap<>();
        HistogramLogReader reader = new HistogramLogReader(file);
        EncodableHistogram next;
        while ((next = reader.nextIntervalHistogram()) != null) {
            String tag = next.getTag() == null ? "" : next.getTag();
            intervals.merge(tag, 1, Integer::sum);
            if (next instanceof DoubleHistogram) {
                if (totals.containsKey(tag)) ((DoubleHistogram) totals.get(tag)).add((DoubleHistogram) next);
                else totals.put(tag, ((DoubleHistogram) next).copy());
            } else if (totals.containsKey(tag)) {
                ((Histogram) totals.get(tag)).add((Histogram) next);
            } else {
                totals.put(tag, ((Histogram) next).copy());
            }
        }
        int left = totals.size();
        for (String tag : totals.keySet()) {
            EncodableHistogram total = totals.get(tag);
            boolean isDouble = total instanceof DoubleHistogram;
            out.printf("    \"%s\": {\"intervals\": %d, \"count\": %d, \"mean\": %s, \"max\": %s", tag,
                intervals.get(tag),
                isDouble ? ((DoubleHistogram) total).getTotalCount() : ((Histogram) total).getTotalCount(),
                isDouble ? ((DoubleHistogram) total).getMean() : ((Histogram) total).getMean(),
                isDouble ? ((DoubleHistogram) total).getMaxValue() : ((Histogram) total).getMaxValue());
            double[] percentiles = {50, 75, 90, 95, 99, 99.9, 99.99};
            String[] names = {"p50", "p75", "p90", "p95", "p99", "p999", "p9999"};
            for (int i = 0; i < names.length; i++) {
                out.printf(", \"%s\": %s", names[i], isDouble
                    ? ((DoubleHistogram) total).getValueAtPercentile(percentiles[i])
                    : ((Histogram) total).getValueAtPercentile(percentiles[i]));
            }
            out.println(--left > 0 ? "}," : "}");
        }
    }
}
